import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, it, type TestContext } from "node:test";
import { gunzipSync } from "node:zlib";
import { type HelloRequest, LIMITS, profileCodec } from "@mpo/protocol";
import type { Coordinator } from "../coordinator.ts";
import {
  CALL,
  eventually,
  freshServer,
  helloOf,
  INVENTORY,
  identityOf,
  RESOURCES,
  reportOf,
  startCoordinator,
} from "../testing/tiny-fleet.ts";
import type { ProbePolicy } from "./probe-orders.ts";

async function started(context: TestContext, probes: Partial<ProbePolicy> = {}): Promise<Coordinator> {
  const coordinator = await startCoordinator(freshServer(), { probes });
  context.after(() => coordinator.stop());
  return coordinator;
}

/** What a device is to do: "measure", "wait", or whose profile it is to check. */
async function asked({ fleet }: Coordinator, device: string, changes: Partial<HelloRequest> = {}): Promise<string> {
  const { probes } = await fleet.hello(helloOf(device, changes), CALL);
  const [order] = probes;
  if (order === undefined) return "nothing";
  return order.sharedFrom ?? (order.waitMs === undefined ? "measure" : "wait");
}

async function measured(coordinator: Coordinator, device: string, changes: object = {}): Promise<void> {
  const report = reportOf(device, `r-${device}`);
  await coordinator.fleet.reportProfile({ ...report, profile: { ...report.profile, ...changes } }, CALL);
}

void describe("a class of devices", () => {
  it("is measured by one device at a time, and the others check what it measured", async (context) => {
    const coordinator = await started(context);
    assert.equal(await asked(coordinator, "pi-1"), "measure");
    assert.equal(await asked(coordinator, "pi-2"), "wait");
    assert.equal(await asked(coordinator, "pi-1"), "measure", "it may ask again");
    const beat = { identity: identityOf("pi-2"), resources: RESOURCES, conditions: [] };
    const needsHello = async (): Promise<boolean> => (await coordinator.fleet.heartbeat(beat, CALL)).needsHello;
    assert.equal(await needsHello(), false);
    await measured(coordinator, "pi-1");
    assert.deepEqual([await needsHello(), await needsHello()], [true, false], "it is called, once");
    assert.equal(await asked(coordinator, "pi-2"), "pi-1");
    assert.equal(await asked(coordinator, "pi-1"), "nothing");
    for (const [other, changes] of Object.entries({
      "of another class": { inventory: { ...INVENTORY, deviceClass: "other" } },
      "of another engine": { inventory: { ...INVENTORY, engineVersion: "9" } },
      "of another model": { models: [{ name: "tiny", manifestDigest: "ef".repeat(32) }] },
      "of another tenant": { identity: { tenant: "other", device: "pi-3" } },
    }))
      assert.equal(await asked(coordinator, "pi-3", changes), "measure", other);
  });

  it("checks no profile that was only checked itself, and says whose it is", async (context) => {
    const coordinator = await started(context);
    await asked(coordinator, "pi-1");
    await measured(coordinator, "pi-1", { sharedFrom: "pi-0" });
    assert.equal(await asked(coordinator, "pi-2"), "wait");
    const { profiles } = coordinator.admin.listProfiles({ tenant: "acme", pageSize: 10 });
    assert.deepEqual(
      profiles.map(({ sharedFrom }) => sharedFrom),
      ["pi-0"],
    );
    const message = await eventually(async () => {
      const { events } = await coordinator.admin.listEvents({ tenant: "acme", beforeSequence: 0, pageSize: 9 }, CALL);
      return events.find(({ kind }) => kind === "profile-stored")?.message;
    });
    assert.match(message, /taken from pi-0 after a check$/u);
  });

  it("is measured by another device when the first one takes too long", async (context) => {
    const coordinator = await started(context, { shareWaitMs: 1_000 });
    assert.equal(await asked(coordinator, "pi-1"), "measure");
    assert.equal(await asked(coordinator, "pi-2"), "wait");
    assert.equal(await eventually(async () => (await asked(coordinator, "pi-2")) === "measure" || undefined), true);
    assert.equal(await asked(coordinator, "pi-1"), "wait");
  });

  it("measures each for itself where nothing is shared, and when a person asks", async (context) => {
    const alone = await started(context, { isShared: false });
    assert.equal(await asked(alone, "pi-1"), "measure");
    assert.equal(await asked(alone, "pi-2"), "measure");
    const shared = await started(context);
    await asked(shared, "pi-1");
    await measured(shared, "pi-1");
    assert.equal(await asked(shared, "pi-2"), "pi-1");
    await shared.admin.probeDevice({ identity: identityOf("pi-2"), model: "tiny" }, CALL);
    assert.equal(await asked(shared, "pi-2"), "measure");
  });

  it("fetches a profile in parts, without its curves, and with what the device would run by it", async (context) => {
    const { fleet, ...coordinator } = await started(context);
    await fleet.hello(helloOf("pi-1"), CALL);
    await measured({ fleet, ...coordinator } as Coordinator, "pi-1");
    const small = { ...INVENTORY, memoryBytes: 420_000_000 };
    await fleet.hello(helloOf("pi-2", { inventory: small }), CALL);
    const ask = { identity: identityOf("pi-2"), model: "tiny", sharedFrom: "pi-1", memoryBytes: 1e9 };
    const first = await fleet.fetchProfile({ ...ask, offset: 0 }, CALL);
    const parts = [first.part];
    const arrived = (): number => Buffer.concat(parts).length;
    while (arrived() < first.totalBytes) {
      const { part, digest, rung } = await fleet.fetchProfile({ ...ask, offset: arrived() }, CALL);
      assert.deepEqual([digest, rung], [first.digest, undefined]);
      parts.push(part);
    }
    assert.ok(parts.every(({ length }) => length <= LIMITS.partBytes));
    const whole = Buffer.concat(parts);
    assert.equal(createHash("sha256").update(whole).digest("hex"), first.digest);
    const theirs = reportOf("pi-1", "r-pi-1").profile;
    assert.deepEqual(profileCodec.fromBytes(gunzipSync(whole)), { ...theirs, accuracy: [] });
    // Three quarters of its memory but for the idle worker.
    assert.ok((first.rung?.memoryBytes.upper ?? Number.POSITIVE_INFINITY) <= 15_000_000);
    await assert.rejects(fleet.fetchProfile({ ...ask, offset: 0, memoryBytes: 1 }, CALL), { code: "over-budget" });
    await assert.rejects(fleet.fetchProfile({ ...ask, offset: 200_000 }, CALL), { code: "invalid-argument" });
    await assert.rejects(fleet.fetchProfile({ ...ask, sharedFrom: "pi-9", offset: 0 }, CALL), { code: "not-found" });
  });
});
