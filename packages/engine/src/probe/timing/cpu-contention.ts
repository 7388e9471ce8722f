import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";

/** Linux counts processor time in these (USER_HZ; fixed in its interface to programs). */
const TICK_MS = 10;
/** Shorter than this, ticks say nothing. */
const LEAST_MS = 100;

/** Processor time so far, of the whole machine and of those that are watched. */
export interface CpuReading {
  readonly atMs: number;
  readonly machineMs: number;
  readonly ownMs: number;
}

/** Share of the processor that others may take before what is measured meanwhile counts as disturbed. */
export const CALM_SHARE = 0.08;

/**
 * Reads how long the machine's processors have worked, and how long of it for this process and for `children` (ids).
 * Undefined where Linux' /proc does not say.
 */
export function readCpu(children: readonly number[] = [], procFolder: string = "/proc"): CpuReading | undefined {
  try {
    const [line = ""] = readFileSync(`${procFolder}/stat`, "utf8").split("\n", 1);
    const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = line
      .split(/\s+/u)
      .slice(1)
      .map(Number);
    const ticks = user + nice + system + irq + softirq + steal;
    const { user: ownUser, system: ownSystem } = process.cpuUsage();
    const childTicks = children.reduce((sum, pid) => sum + processTicks(pid, procFolder), 0);
    const reading = {
      atMs: performance.now(),
      machineMs: ticks * TICK_MS,
      ownMs: (ownUser + ownSystem) / 1000 + childTicks * TICK_MS,
    };
    return Number.isFinite(reading.machineMs + reading.ownMs) ? reading : undefined;
  } catch {
    return undefined;
  }
}

/** Share of all processors that others took between two readings, 0 to 1; undefined: too short to say, or not known. */
export function othersShare(
  before: CpuReading | undefined,
  after: CpuReading | undefined,
  processors: number = availableParallelism(),
): number | undefined {
  if (before === undefined || after === undefined) return undefined;
  const elapsedMs = after.atMs - before.atMs;
  if (elapsedMs < LEAST_MS) return undefined;
  const others = after.machineMs - before.machineMs - (after.ownMs - before.ownMs);
  return Math.min(1, Math.max(0, others / (elapsedMs * processors)));
}

/** User and system time of a process, all its threads (fields 14 and 15, after the name in brackets). */
function processTicks(pid: number, procFolder: string): number {
  const text = readFileSync(`${procFolder}/${pid}/stat`, "utf8");
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return Number(fields[11]) + Number(fields[12]);
}
