import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { constants, setPriority } from "node:os";

/** How the processes of a job share the processors with the program that serves. */
export const CPU_SHARES = ["leftover", "equal"] as const;
/** "leftover": only what others leave over. "equal": as much as any other process. */
export type CpuShare = (typeof CPU_SHARES)[number];

/** Before any program, after the worker (1000): this is the order in which the system's memory killer should choose. */
const OOM_SCORE_ADJUST = 900;

/**
 * Puts this process, and all that it will start, behind the program that serves: the system's memory killer takes it
 * first, and with "leftover" it computes when no other program does. What a system does not allow is left as it is.
 */
export function stepBack(share: CpuShare): void {
  attempt(() => writeFileSync("/proc/self/oom_score_adj", String(OOM_SCORE_ADJUST)));
  if (share === "equal") return;
  // The scheduler first divides time between sessions, where the kernel groups by them: a job has one of its own.
  if (leadsSession()) attempt(() => writeFileSync("/proc/self/autogroup", String(constants.priority.PRIORITY_LOW)));
  // SCHED_IDLE gives way at once when another process wakes; the lowest nice value, where there is no chrt, almost.
  const isIdle = attempt(() =>
    execFileSync("chrt", ["--all-tasks", "--idle", "--pid", "0", String(process.pid)], { stdio: "ignore" }),
  );
  if (!isIdle) attempt(() => setPriority(constants.priority.PRIORITY_LOW));
}

/** Whether the session is this process's own: what is set for a session is set for all in it. */
function leadsSession(): boolean {
  try {
    const stat = readFileSync("/proc/self/stat", "utf8");
    return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[3]) === process.pid;
  } catch {
    return false;
  }
}

function attempt(change: () => unknown): boolean {
  try {
    change();
    return true;
  } catch {
    return false;
  }
}
