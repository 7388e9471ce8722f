import { setTimeout as sleep } from "node:timers/promises";
import { systemErrorCode } from "../file-error.ts";

/** A killed process is gone when it has given its memory back; one that is never reaped must not be waited for. */
const GONE_WITHIN_MS = 3_000;
const LOOK_MS = 10;

/** Kills a process and all that it started, wherever they are: it cannot react in the middle of a step. */
export function killGroup(leader: number): void {
  try {
    process.kill(-leader, "SIGKILL");
  } catch (thrown) {
    if (systemErrorCode(thrown) !== "ESRCH") throw thrown;
  }
}

/** Waits until a killed group is gone, and its memory with it. */
export async function groupGone(leader: number): Promise<void> {
  for (let waitedMs = 0; waitedMs < GONE_WITHIN_MS; waitedMs += LOOK_MS) {
    try {
      process.kill(-leader, 0);
    } catch {
      return;
    }
    await sleep(LOOK_MS);
  }
}
