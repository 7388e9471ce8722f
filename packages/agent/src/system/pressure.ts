import { given } from "@mpo/core";
import type { Resources } from "@mpo/protocol";
import type { SystemFiles } from "./system-files.ts";

/** Share of the last ten seconds in which some task had to wait. Absent where the kernel does not report it. */
export type Pressure = Pick<Resources, "memoryPressurePercent" | "cpuPressurePercent">;

/** Reads pressure stall information (kernel 4.20 and later; Raspberry Pi OS needs `psi=1`). */
export async function readPressure(files: SystemFiles): Promise<Pressure> {
  return given({
    memoryPressurePercent: someAverage(await files.text("proc/pressure/memory")),
    cpuPressurePercent: someAverage(await files.text("proc/pressure/cpu")),
  });
}

/** Mean number of tasks that ran or waited over the last minute; 0 where the kernel does not report it. */
export async function readLoadAverage(files: SystemFiles): Promise<number> {
  const first = Number((await files.text("proc/loadavg"))?.split(" ")[0]);
  return Number.isFinite(first) && first >= 0 ? first : 0;
}

function someAverage(text: string | undefined): number | undefined {
  const found = /^some avg10=(\d+(?:\.\d+)?)/mu.exec(text ?? "")?.[1];
  return found === undefined ? undefined : Math.min(100, Number(found));
}
