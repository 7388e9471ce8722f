import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { extname, join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { noNatsServer, testFolder } from "../test-support/fleet-room.ts";
import { listenAsManager, type NotifyListener } from "../test-support/notify-listener.ts";

const MAIN = fileURLToPath(new URL(`../main${extname(import.meta.url)}`, import.meta.url));
const WATCHDOG_MS = 2_000;

const isMissing = (program: string): boolean => spawnSync(program, ["--version"]).error !== undefined;
const skip = ["systemd-notify", "python3"].filter(isMissing).map((program) => `no ${program}`)[0] ?? noNatsServer;

/** A service as systemd runs it. */
interface Running {
  readonly child: ChildProcess;
  readonly log: () => string;
  readonly ended: Promise<number | null>;
}

function start(t: TestContext, args: readonly string[], { socket }: NotifyListener): Running {
  const environment = { ...process.env, NOTIFY_SOCKET: socket, WATCHDOG_USEC: String(WATCHDOG_MS * 1000) };
  const flags = process.execArgv.filter((flag) => !flag.startsWith("--test"));
  // A session of its own: no terminal.
  const child = spawn(process.execPath, [...flags, MAIN, ...args], { env: environment, detached: true });
  let log = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (text: Buffer) => (log += text.toString()));
  const ended = new Promise<number | null>((resolve) => child.once("exit", resolve));
  t.after(async () => {
    child.kill("SIGKILL");
    await ended;
  });
  return { child, log: () => log, ended };
}

const pings = ({ said }: NotifyListener): number => said.filter((line) => line === "WATCHDOG=1").length;

describe("a service under systemd", { skip, timeout: 120_000 }, () => {
  it("coordinator: is ready when it is, pings, reads its file again at SIGHUP, and says that it stops", async (t) => {
    const folder = await testFolder(t);
    const manager = await listenAsManager(t, join(folder, "notify"));
    const config = join(folder, "coordinator.toml");
    const settings = 'listen = "127.0.0.1:0"\nhttp = "127.0.0.1:0"\ninsecure = true\ndata = "state"\n';
    await writeFile(config, settings);
    const { child, log, ended } = start(t, ["coordinator", "--config", config], manager);
    await manager.until((said) => said.includes("READY=1"));
    assert.match(manager.said.join("\n"), /STATUS=serves devices and commands at 127\.0\.0\.1:\d+/u);
    assert.match(log(), /coordinator .* is ready/u);
    await manager.until(() => pings(manager) > 4);

    const readies = (said: readonly string[]): number => said.filter((line) => line === "READY=1").length;
    await writeFile(config, `${settings}window = "3min"\nquorum = 7\nlog-level = "debug"\n`);
    child.kill("SIGHUP");
    await manager.until((said) => readies(said) === 2);
    assert.ok(manager.said.includes("RELOADING=1"));
    assert.match(manager.said.join("\n"), /MONOTONIC_USEC=\d+/u);
    assert.match(log(), /the config file was read again .*changed=\["window","log-level"\]/u);
    assert.match(log(), /WARN +these settings count from the next start on: restart it keys=\["quorum"\]/u);

    await writeFile(config, `${settings}windw = "3min"\n`);
    child.kill("SIGHUP");
    await manager.until((said) => readies(said) === 3);
    assert.match(log(), /the settings stay as they were: .*:5:1: windw is not known; did you mean window\?/u);
    await manager.until(() => pings(manager) > 6);

    child.kill("SIGTERM");
    assert.equal(await ended, 0);
    assert.ok(manager.said.includes("STOPPING=1"));
  });

  it("agent: waits for a way into a fleet, and is in order meanwhile", async (t) => {
    const folder = await testFolder(t);
    const manager = await listenAsManager(t, join(folder, "notify"));
    const config = join(folder, "agent.toml");
    await writeFile(config, 'data = "state"\nserving = "serving"\n');
    const coordinator = ["--coordinator", "127.0.0.1:1"];
    const { child, log, ended } = start(t, ["agent", "--config", config, ...coordinator], manager);
    await manager.until((said) => said.includes("READY=1"));
    assert.match(manager.said.join("\n"), /STATUS=has joined no fleet yet: sudo mpo agent join/u);
    await manager.until(() => pings(manager) > 1);
    child.kill("SIGTERM");
    assert.equal(await ended, 0, log());
  });

  it("agent: pings as long as its work turns, and no longer", async (t) => {
    const folder = await testFolder(t);
    const manager = await listenAsManager(t, join(folder, "notify"));
    const place = ["--data", join(folder, "state"), "--insecure", "--coordinator", "127.0.0.1:1"];
    const { child, log, ended } = start(t, ["agent", ...place, "--tick", "500ms"], manager);
    await manager.until((said) => said.some((line) => line.startsWith("STATUS=no coordinator answers")));
    // Which of both depends on who started the tests.
    assert.match(log(), /jobs are watched, and have no control groups why=|each job has a control group of its own/u);
    await manager.until(() => pings(manager) > 4);
    child.kill("SIGSTOP");
    // What was under way arrives.
    await new Promise((resolve) => setTimeout(resolve, 500));
    const before = pings(manager);
    await new Promise((resolve) => setTimeout(resolve, 2 * WATCHDOG_MS));
    assert.equal(pings(manager), before, "systemd would restart it");
    child.kill("SIGCONT");
    await manager.until(() => pings(manager) > before);
    child.kill("SIGTERM");
    assert.equal(await ended, 0);
  });
});
