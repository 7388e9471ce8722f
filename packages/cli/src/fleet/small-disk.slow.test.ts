import assert from "node:assert/strict";
import { readFile, rm, writeFile } from "node:fs/promises";
import { describe, it } from "node:test";
import { helloOf } from "@mpo/coordinator/testing";
import { formatBytes } from "@mpo/core";
import { EXIT_CODES } from "@mpo/runtime";
import {
  BUCKETS,
  createFleetClient,
  FLEET_LAYOUT,
  NatsLink,
  openExistingStore,
  STORE_NEEDS_BYTES,
} from "@mpo/transport";
import { noNatsServer } from "../test-support/fleet-room.ts";
import { noSmallDisk, smallDisk } from "../test-support/small-disk.ts";

const PORTS = ["--listen", "127.0.0.1:0", "--http", "127.0.0.1:0"];
const GUIDE = new URL("../../../../deploy/guides/fleet.md", import.meta.url);

describe("a coordinator's disk", { skip: noNatsServer || noSmallDisk, timeout: 300_000 }, () => {
  it("that is too small for a new store is refused with what is needed, and doctor and guide agree", async (t) => {
    const disk = await smallDisk(t, 200);
    const coordinator = disk.start(["coordinator", "--insecure", ...PORTS, "--data", `${disk.folder}/c`]);
    assert.equal(await coordinator.code, EXIT_CODES.unavailable);
    const needs = `needs ${formatBytes(STORE_NEEDS_BYTES)}`;
    assert.match(coordinator.said(), new RegExp(`${needs} free on the disk of ${disk.folder}/c; it has `, "u"));
    const doctor = disk.start(["doctor", "--role", "coordinator", "--json"], { XDG_STATE_HOME: disk.folder });
    await doctor.code;
    assert.match(doctor.said(), new RegExp(`"check":"store","state":"broken".*${needs}`, "u"));
    assert.match(await readFile(GUIDE, "utf8"), new RegExp(needs, "u"));
  });

  it("with 1 GB starts, and starts again when little is left", async (t) => {
    const disk = await smallDisk(t, 1000);
    const args = ["coordinator", "--insecure", ...PORTS, "--data", `${disk.folder}/c`];
    const first = disk.start(args);
    await first.until(/is ready/u);
    first.child.kill("SIGTERM");
    assert.equal(await first.code, EXIT_CODES.ok);
    await writeFile(`${disk.outside}/fill`, Buffer.alloc(960 * 2 ** 20));
    const second = disk.start(args);
    await second.until(/is ready/u);
    assert.match(second.said(), /WARN +the store's disk is almost full/u);
  });

  it("gives a full bucket more while the coordinator runs", async (t) => {
    const disk = await smallDisk(t, 300);
    const coordinator = disk.start(["coordinator", "--insecure", ...PORTS, "--data", `${disk.folder}/c`]);
    const [, target = ""] = await coordinator.until(/agents and commands +(\S+)/u);
    const [, url = ""] = await coordinator.until(/NATS +(nats:\S+)/u);
    const link = await NatsLink.open({ servers: [url], name: "test" });
    const device = createFleetClient({ targets: [target], retries: 0 });
    t.after(async () => {
      device.close();
      await link.close();
    });
    const store = await openExistingStore(link, FLEET_LAYOUT);
    const fill = async (bytes: number): Promise<void> => {
      for (let index = 0; ; index++) await store.put(BUCKETS.ident, `of-${bytes}.${index}`, new Uint8Array(bytes));
    };
    for (const bytes of [60_000, 100]) await assert.rejects(fill(bytes), { code: "over-budget" });
    const enrol = (): Promise<unknown> => device.hello(helloOf("pi-1"));
    await assert.rejects(enrol(), { code: "unavailable", message: /ident of the store is full/u });
    await until(() =>
      enrol().then(
        () => true,
        () => false,
      ),
    );
    await coordinator.until(/INFO +the store takes writes again/u);
  });

  it("that is full is told by readiness, the log and exit codes, and all goes on when there is room", async (t) => {
    const disk = await smallDisk(t, 300);
    const coordinator = disk.start(["coordinator", "--insecure", ...PORTS, "--data", `${disk.folder}/c`]);
    const [, http = ""] = await coordinator.until(/metrics and health +(http:\S+)\/metrics/u);
    const ready = async (): Promise<string> => {
      const response = await fetch(`${http}/readyz`);
      return `${response.status} ${await response.text()}`;
    };
    assert.equal(await ready(), "200 ok\n");
    await writeFile(`${disk.outside}/fill`, Buffer.alloc(300 * 2 ** 20)).catch((thrown: NodeJS.ErrnoException) => {
      assert.equal(thrown.code, "ENOSPC");
    });
    await until(async () => (await ready()).startsWith("503 the store takes no writes: cannot write"));
    await coordinator.until(/WARN +the store takes no writes/u);
    await rm(`${disk.outside}/fill`);
    await until(async () => (await ready()).startsWith("200"));
    await coordinator.until(/INFO +the store takes writes again/u);
  });
});

async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((wake) => setTimeout(wake, 100));
}
