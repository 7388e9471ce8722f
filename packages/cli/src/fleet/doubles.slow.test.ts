import assert from "node:assert/strict";
import { cp } from "node:fs/promises";
import { join } from "node:path";
import { it, type TestContext } from "node:test";
import { createLogger, EXIT_CODES } from "@mpo/runtime";
import { at, noNatsServer, startCoordinator, testFolder } from "../test-support/fleet-room.ts";
import { startTinyDevice, type TinyDevice } from "../test-support/tiny-device.ts";
import { runCommand } from "../testing/run-command.ts";

type Facts = Readonly<Record<string, unknown>>;

/** A coordinator, and agents that run as pi-1 from the folders that are named; what they log is kept. */
async function roomOfDoubles(t: TestContext) {
  const folder = await testFolder(t);
  const { ready } = await startCoordinator(t, folder, ["--heartbeat", "1s"]);
  const coordinator = String(ready["grpc"]);
  const log: string[] = [];
  const start = (disk: string): Promise<TinyDevice> =>
    startTinyDevice(t, {
      ...{ device: "pi-1", coordinator, folder: join(folder, disk) },
      logger: createLogger({ write: (line) => void log.push(line) }),
    });
  const copyDisk = (): Promise<void> => cp(join(folder, "one"), join(folder, "two"), { recursive: true });
  return { folder, coordinator, log, start, copyDisk };
}

const until = async (holds: () => boolean | Promise<boolean>): Promise<void> => {
  while (!(await holds())) await new Promise((wake) => setTimeout(wake, 50));
};

it("two agents from one copied disk are noticed, one is configured, and the other is parked until a person decides", {
  skip: noNatsServer,
  timeout: 120_000,
}, async (t) => {
  const { folder, coordinator, log, start, copyDisk } = await roomOfDoubles(t);
  const json = async (...args: readonly string[]): Promise<readonly Facts[]> =>
    (await runCommand([...args, "--json", ...at(coordinator)])).records;
  const events = async (kind: string): Promise<readonly Facts[]> =>
    (await json("events")).filter((event) => event["kind"] === kind);
  const conditionsOf = async (): Promise<readonly Facts[]> =>
    ((await json("devices", "list"))[0]?.["conditions"] ?? []) as readonly Facts[];
  const codes = async (): Promise<string> => JSON.stringify(await conditionsOf());

  const seed = await start("one");
  await until(() => seed.agent.snapshot().applied !== undefined && seed.agent.snapshot().waitingReports === 0);
  await seed.stop();
  await copyDisk();
  const first = await start("one");
  await until(() => first.agent.snapshot().isOnline);
  const clone = await start("two");
  await until(async () => (await events("device-doubled")).length === 1);
  assert.match(await codes(), /"doubled".*two agents run under this name/u);
  await until(() => log.some((line) => line.includes("another machine runs as this device")));

  // What the clone measures is kept apart, and no configuration is its own.
  await cp(clone.modelFolder, join(folder, "two/pi-1/serving/garden/model"), { recursive: true });
  await until(async () => /profile of garden/u.test(JSON.stringify(await events("double-reported"))));
  const before = clone.agent.snapshot().applied;
  const push = ["config", "push", "pi-1", "--model", "tiny", "--reason", "x", "--wait", "30s"];
  const [{ document } = {}] = (await json(...push)) as readonly { document?: { version: Facts } }[];
  assert.ok(document !== undefined);
  assert.deepEqual(first.agent.snapshot().applied, document.version);
  assert.deepEqual(clone.agent.snapshot().applied, before);
  const models = async (): Promise<unknown> => (await json("profiles", "list")).map(({ model }) => model);
  assert.deepEqual(await models(), ["tiny"]);

  await first.stop();
  // More than three heartbeats: once it would have taken over.
  await new Promise((wake) => setTimeout(wake, 4_000));
  assert.deepEqual(await models(), ["tiny"]);
  const doubled = (await conditionsOf()).find(({ code }) => code === "doubled");
  const [, original, copy] = /agent (\w+) .*agent (\w+) /u.exec(String(doubled?.["message"])) ?? [];
  const decide = ["devices", "decide", "pi-1", "--keep"];
  assert.equal((await runCommand([...decide, "nobody", ...at(coordinator)])).code, EXIT_CODES.state);
  const [decided] = await json(...decide, String(copy).slice(0, 6), "--reason", "the first is broken");
  assert.match(JSON.stringify(decided), new RegExp(`"kept":".*agent ${copy}.*"parked":".*agent ${original}`, "u"));
  await until(async () => JSON.stringify(await models()) === '["garden","tiny"]');
  await until(() => (clone.agent.snapshot().applied?.version ?? 0) >= Number(document.version["version"]));
  await until(async () => !/doubled/u.test(await codes()));
  await until(() => log.some((line) => line.includes("this machine is the device again")));
  assert.equal((await events("device-doubled")).length, 1);

  // The one that was not chosen stays parked when it is started again, and so does the decision when the other is.
  const waits = (): number => log.filter((line) => line.includes("another machine runs as this device")).length;
  const before2 = waits();
  const again = await start("one");
  await until(() => waits() > before2);
  await clone.stop();
  const kept = await start("two");
  await until(() => kept.agent.snapshot().isOnline);
  await again.stop();
  await until(async () => (await json("devices", "list"))[0]?.["presence"] === "online");
  assert.equal((await events("device-doubled")).length, 1);
  assert.doesNotMatch(await codes(), /doubled/u);
});

it("a copied disk that runs only while the original is off is noticed when that is back", {
  skip: noNatsServer,
  timeout: 120_000,
}, async (t) => {
  const { coordinator, log, start, copyDisk } = await roomOfDoubles(t);
  const run = async (disk: string): Promise<void> => {
    const device = await start(disk);
    await until(() => device.agent.snapshot().isOnline);
    await device.stop();
  };
  await run("one");
  await copyDisk();
  await run("two");
  await run("two");
  assert.ok(!log.some((line) => line.includes("another machine runs as this device")));
  await run("one");
  assert.ok(log.some((line) => line.includes("another machine runs as this device")));
  const { records } = await runCommand(["devices", "list", "--json", ...at(coordinator)]);
  assert.match(JSON.stringify(records[0]?.["conditions"]), /"doubled".*mpo devices decide/u);
});
