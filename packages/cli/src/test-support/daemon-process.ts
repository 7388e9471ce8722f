import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { extname } from "node:path";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";

const MAIN = fileURLToPath(new URL(`../main${extname(import.meta.url)}`, import.meta.url));
/** `mpo` as a process of its own. */
export const MPO: readonly string[] = [process.execPath, ...process.execArgv, MAIN];

/** A daemon in a process of its own. */
export interface DaemonProcess {
  readonly child: ChildProcess;
  /** All that it said on both its outputs. */
  readonly said: () => string;
}

/** Starts a daemon and waits until it says that it is up; it is killed after the test. */
export async function startProcess(
  t: TestContext,
  args: readonly string[],
  { maxOpenFiles }: { readonly maxOpenFiles?: number } = {},
): Promise<DaemonProcess> {
  const limit = maxOpenFiles === undefined ? [] : ["bash", "-c", `ulimit -n ${maxOpenFiles}; exec "$@"`, "mpo"];
  const [program = "", ...words] = [...limit, ...MPO, ...args];
  const child = spawn(program, words, { stdio: ["ignore", "pipe", "pipe"] });
  t.after(() => child.kill("SIGKILL"));
  let said = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (text) => (said += String(text)));
  // What a daemon says when it is up is several lines, of which this is the last.
  while (!/^next: /mu.test(said)) {
    assert.equal(child.exitCode, null, said);
    await new Promise((wake) => setTimeout(wake, 20));
  }
  return { child, said: () => said };
}

/** Exit code and signal of a daemon that is sent a signal. */
export async function endedBy({ child }: DaemonProcess, signal: NodeJS.Signals): Promise<readonly unknown[]> {
  const ended = once(child, "exit");
  child.kill(signal);
  return await ended;
}
