import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { access } from "node:fs/promises";
import { extname, join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { EXIT_CODES } from "@mpo/runtime";
import { noNatsServer, testFolder } from "./test-support/fleet-room.ts";

const MAIN = fileURLToPath(new URL(`./main${extname(import.meta.url)}`, import.meta.url));
const NODE = [process.execPath, ...process.execArgv, MAIN];

/** Runs `mpo` with these arguments in a shell, with what stands behind it. */
function shell(args: string, behind: string): { readonly code: number | null; readonly out: string } {
  const script = `set -o pipefail; "$@" ${args} ${behind}`;
  const { status, stdout, stderr } = spawnSync("bash", ["-c", script, "mpo", ...NODE], { encoding: "utf8" });
  return { code: status, out: stdout + stderr };
}

describe("a command whose output goes nowhere", { skip: process.platform !== "linux" }, () => {
  for (const args of ["models", "models --json", "--help"]) {
    it(`mpo ${args}: a reader that has seen enough is no error`, () => {
      const { code, out } = shell(args, "| head -1");
      assert.deepEqual([code, out.trim().split("\n").length], [EXIT_CODES.ok, 1], out);
    });

    it(`mpo ${args}: a full disk is one plain error`, () => {
      const { code, out } = shell(args, ">/dev/full");
      assert.equal(code, EXIT_CODES.unavailable);
      assert.match(out, /^error \(unavailable\): the results could not be written: ENOSPC.*\nhint: [^\n]*\n$/u);
    });
  }

  it("keeps its exit code when its error cannot be printed", () => {
    assert.equal(shell("models --nonsense", "2>/dev/full").code, EXIT_CODES.usage);
  });
});

interface Daemon {
  readonly child: ChildProcess;
  readonly said: () => string;
}

/** Starts a daemon whose log we read, and waits until it says that it is up. */
async function startDaemon(t: TestContext, args: readonly string[]): Promise<Daemon> {
  const [program = "", ...words] = [...NODE, ...args];
  const child = spawn(program, words, { stdio: ["ignore", "pipe", "pipe"] });
  t.after(() => child.kill("SIGKILL"));
  let said = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (text) => (said += String(text)));
  while (!/is (up|ready)/u.test(said)) {
    assert.equal(child.exitCode, null, said);
    await new Promise((wake) => setTimeout(wake, 20));
  }
  return { child, said: () => said };
}

/** Nobody reads what it says any more. */
function closeReaders({ child }: Daemon): void {
  child.stdout?.destroy();
  child.stderr?.destroy();
}

describe("a daemon whose log reader goes away", { skip: noNatsServer }, () => {
  it("goes on, and ends in order with its terminal", { timeout: 60_000 }, async (t) => {
    const folder = await testFolder(t);
    const ports = ["--listen", "127.0.0.1:0", "--http", "127.0.0.1:0"];
    const coordinator = await startDaemon(t, [
      ...["coordinator", ...ports, "--data", join(folder, "c"), "--log-level", "debug"],
    ]);
    const [, target = ""] = /agents and commands +(\S+)/u.exec(coordinator.said()) ?? [];
    const [, natsPid = ""] = /natsPid=(\d+)/u.exec(coordinator.said()) ?? [];
    // It finds no coordinator, and logs that again and again.
    const agent = await startDaemon(t, ["agent", "--coordinator", "127.0.0.1:1", "--data", join(folder, "a")]);
    closeReaders(agent);
    closeReaders(coordinator);
    for (let call = 0; call < 5; call++) {
      // Each call is a line of the coordinator's log.
      assert.equal(
        spawnSync(NODE[0] as string, [...NODE.slice(1), "devices", "list", "--coordinator", target]).status,
        0,
      );
    }
    assert.deepEqual([agent.child.exitCode, coordinator.child.exitCode], [null, null]);
    for (const { child } of [agent, coordinator]) {
      child.kill("SIGHUP");
      await once(child, "exit");
      assert.deepEqual([child.exitCode, child.signalCode], [EXIT_CODES.ok, null]);
    }
    await assert.rejects(access(`/proc/${natsPid}`), "its nats-server ends with the coordinator");
  });
});
