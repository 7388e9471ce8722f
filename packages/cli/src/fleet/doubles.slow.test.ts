import assert from "node:assert/strict";
import { cp } from "node:fs/promises";
import { join } from "node:path";
import { it } from "node:test";
import { createLogger } from "@mpo/runtime";
import { at, noNatsServer, startCoordinator, testFolder } from "../test-support/fleet-room.ts";
import { startTinyDevice } from "../test-support/tiny-device.ts";
import { runCommand } from "../testing/run-command.ts";

type Facts = Readonly<Record<string, unknown>>;

it("two agents from one copied disk are noticed, one is configured, and the other takes over when it is alone", {
  skip: noNatsServer,
  timeout: 120_000,
}, async (t) => {
  const folder = await testFolder(t);
  const { ready } = await startCoordinator(t, folder, ["--heartbeat", "1s"]);
  const coordinator = String(ready["grpc"]);
  const json = async (...args: readonly string[]): Promise<readonly Facts[]> =>
    (await runCommand([...args, "--json", ...at(coordinator)])).records;
  const until = async (holds: () => boolean | Promise<boolean>): Promise<void> => {
    while (!(await holds())) await new Promise((wake) => setTimeout(wake, 50));
  };
  const events = async (kind: string): Promise<readonly Facts[]> =>
    (await json("events")).filter((event) => event["kind"] === kind);
  const codes = async (): Promise<string> => JSON.stringify((await json("devices", "list"))[0]?.["conditions"]);
  const log: string[] = [];
  const start = (disk: string) =>
    startTinyDevice(t, {
      ...{ device: "pi-1", coordinator, folder: join(folder, disk) },
      logger: createLogger({ write: (line) => void log.push(line) }),
    });

  const seed = await start("one");
  await until(() => seed.agent.snapshot().applied !== undefined && seed.agent.snapshot().waitingReports === 0);
  await seed.stop();
  await cp(join(folder, "one"), join(folder, "two"), { recursive: true });
  const first = await start("one");
  await until(() => first.agent.snapshot().isOnline);
  const clone = await start("two");
  await until(async () => (await events("device-doubled")).length === 1);
  assert.match(await codes(), /"doubled".*two agents run under this name/u);
  await until(() => log.some((line) => line.includes("another machine runs as this device")));

  // What the clone measures is kept apart, and no configuration is its own.
  await cp(clone.modelFolder, join(folder, "two/pi-1/serving/garden/model"), { recursive: true });
  await until(async () => (await events("double-reported")).length === 1);
  assert.match(String((await events("double-reported"))[0]?.["message"]), /profile of garden/u);
  const before = clone.agent.snapshot().applied;
  const push = ["config", "push", "pi-1", "--model", "tiny", "--reason", "x", "--wait", "30s"];
  const [{ document } = {}] = (await json(...push)) as readonly { document?: { version: Facts } }[];
  assert.ok(document !== undefined);
  assert.deepEqual(first.agent.snapshot().applied, document.version);
  assert.deepEqual(clone.agent.snapshot().applied, before);
  const models = async (): Promise<unknown> => (await json("profiles", "list")).map(({ model }) => model);
  assert.deepEqual(await models(), ["tiny"]);

  await first.stop();
  await until(async () => JSON.stringify(await models()) === '["garden","tiny"]');
  await until(() => (clone.agent.snapshot().applied?.version ?? 0) >= Number(document.version["version"]));
  await until(async () => !/doubled/u.test(await codes()));
  assert.equal((await events("device-doubled")).length, 1);
});
