import type { SystemFiles } from "./system-files.ts";

/** Share of the last ten seconds in which some task had to wait, percent. Absent where the kernel does not tell. */
export interface Pressure {
  readonly memoryPercent?: number;
  readonly cpuPercent?: number;
}

/** Reads pressure stall information (kernel 4.20 and later; Raspberry Pi OS needs `psi=1`). */
export async function readPressure(files: SystemFiles): Promise<Pressure> {
  const memoryPercent = someAverage(await files.text("proc/pressure/memory"));
  const cpuPercent = someAverage(await files.text("proc/pressure/cpu"));
  return {
    ...(memoryPercent === undefined ? {} : { memoryPercent }),
    ...(cpuPercent === undefined ? {} : { cpuPercent }),
  };
}

/** Mean number of tasks that ran or waited over the last minute; 0 where the kernel does not tell. */
export async function readLoadAverage(files: SystemFiles): Promise<number> {
  const first = Number((await files.text("proc/loadavg"))?.split(" ")[0]);
  return Number.isFinite(first) && first >= 0 ? first : 0;
}

function someAverage(text: string | undefined): number | undefined {
  const found = /^some avg10=(\d+(?:\.\d+)?)/mu.exec(text ?? "")?.[1];
  return found === undefined ? undefined : Math.min(100, Number(found));
}
