import { setTimeout as sleep } from "node:timers/promises";
import { systemErrorCode } from "@mpo/io";

/** A killed process is gone when it has given its memory back; one that nobody buries must not be waited for. */
const GONE_WITHIN_MS = 3_000;
const LOOK_MS = 10;

/**
 * Kills a job's process and all that it started, which are one process group, wherever they are: a worker in the middle of
 * a step listens to nothing else.
 */
export function killJobGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch (thrown) {
    if (systemErrorCode(thrown) !== "ESRCH") throw thrown;
  }
}

/** Waits until a killed group is gone, and its memory with it. */
export async function jobGroupGone(pid: number | undefined): Promise<void> {
  if (pid === undefined) return;
  for (let waitedMs = 0; waitedMs < GONE_WITHIN_MS; waitedMs += LOOK_MS) {
    try {
      process.kill(-pid, 0);
    } catch {
      return;
    }
    await sleep(LOOK_MS);
  }
}
