import { writeFileSync } from "node:fs";

/** Name of the variable through which a parent says it (see `workerEnvironment`). */
export const OOM_SCORE_VARIABLE = "MPO_OOM_SCORE_ADJUST";

/** When the system runs out of memory it should kill this process, not the serving application. */
export function volunteerForMemoryKiller(): void {
  const adjust = process.env[OOM_SCORE_VARIABLE];
  if (adjust === undefined) return;
  try {
    writeFileSync("/proc/self/oom_score_adj", adjust);
  } catch {
    // Not Linux, or not allowed: the system decides.
  }
}
