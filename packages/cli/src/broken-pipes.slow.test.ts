import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { access } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { EXIT_CODES, type StopSignal } from "@mpo/runtime";
import { type DaemonProcess, endedBy, MPO, startProcess } from "./test-support/daemon-process.ts";
import { noNatsServer, testFolder } from "./test-support/fleet-room.ts";

/** Runs `mpo` with these arguments in a shell, with what stands behind it. */
function shell(args: string, behind: string): { readonly code: number | null; readonly out: string } {
  const script = `set -o pipefail; "$@" ${args} ${behind}`;
  const { status, stdout, stderr } = spawnSync("bash", ["-c", script, "mpo", ...MPO], { encoding: "utf8" });
  return { code: status, out: stdout + stderr };
}

describe("a command as a process", { skip: process.platform !== "linux" }, () => {
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

  it("ends when it has printed its error", () => {
    const [node = "", ...main] = MPO;
    for (const [coordinator, code] of [
      ["[::1%lo]:1", EXIT_CODES.usage],
      ["127.0.0.1:1", EXIT_CODES.unavailable],
    ] as const) {
      const args = [...main, "devices", "list", "--insecure", "--coordinator", coordinator];
      assert.equal(spawnSync(node, args, { timeout: 60_000 }).status, code, coordinator);
    }
  });

  it("keeps its exit code when its error cannot be printed", () => {
    assert.equal(shell("models --nonsense", "2>/dev/full").code, EXIT_CODES.usage);
  });
});

/** Nobody reads what it says any more. */
function closeReaders({ child }: DaemonProcess): void {
  child.stdout?.destroy();
  child.stderr?.destroy();
}

const PORTS = ["--listen", "127.0.0.1:0", "--http", "127.0.0.1:0"];

describe("a daemon", { skip: noNatsServer, timeout: 120_000 }, () => {
  it("goes on when its log's reader goes away, and ends in order with its terminal", async (t) => {
    const folder = await testFolder(t);
    const coordinator = await startProcess(t, [
      ...["coordinator", "--insecure", ...PORTS, "--data", join(folder, "c"), "--log-level", "debug"],
    ]);
    const [, target = ""] = /agents and commands +(\S+)/u.exec(coordinator.said()) ?? [];
    // It finds no coordinator, and logs that again and again.
    const agent = await startProcess(t, [
      "agent",
      "--insecure",
      "--coordinator",
      "127.0.0.1:1",
      "--data",
      join(folder, "a"),
    ]);
    closeReaders(agent);
    closeReaders(coordinator);
    const [node = "", ...main] = MPO;
    for (let call = 0; call < 5; call++) {
      // Each call is a line of the coordinator's log.
      assert.equal(spawnSync(node, [...main, "devices", "list", "--insecure", "--coordinator", target]).status, 0);
    }
    assert.deepEqual([agent.child.exitCode, coordinator.child.exitCode], [null, null]);
    await endInOrder([agent, coordinator], "SIGHUP");
  });

  // SIGHUP is above.
  for (const signal of ["SIGQUIT", "SIGUSR2"] as const) {
    it(`ends in order with ${signal}, and warned if few files may be open`, async (t) => {
      const folder = await testFolder(t);
      const [agent, coordinator] = await Promise.all([
        startProcess(t, ["agent", "--insecure", "--coordinator", "127.0.0.1:1", "--data", join(folder, "a")]),
        startProcess(t, ["coordinator", ...PORTS, "--data", join(folder, "c")], { maxOpenFiles: 256 }),
      ]);
      assert.match(coordinator.said(), /WARN +few files may be open.*limit=256 devices=\d+ known=0/u);
      const [, http = ""] = /metrics and health +(http:\S+)\/metrics/u.exec(coordinator.said()) ?? [];
      assert.equal((await fetch(`${http}/readyz`)).status, 200);
      await endInOrder([agent, coordinator], signal);
    });
  }
});

/** The last of them is a coordinator. */
async function endInOrder(daemons: readonly DaemonProcess[], signal: StopSignal): Promise<void> {
  const [, natsPid = ""] = /natsPid=(\d+)/u.exec(daemons.at(-1)?.said() ?? "") ?? [];
  await access(`/proc/${natsPid}`);
  for (const daemon of daemons) assert.deepEqual(await endedBy(daemon, signal), [EXIT_CODES.ok, null]);
  await assert.rejects(access(`/proc/${natsPid}`), "its nats-server ends with the coordinator");
}
