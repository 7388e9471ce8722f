import { readFileSync, writeFileSync } from "node:fs";
import { MpoError } from "@mpo/core";

/** Resident memory of this process, in bytes. */
export interface MemoryReading {
  readonly residentBytes: number;
  /** Highest resident size since the process began or the peak was last reset. */
  readonly peakBytes: number;
}

/** Reads resident size and its high-water mark from /proc (Linux). Throws `unsupported` elsewhere. */
export function readMemory(procFolder = "/proc"): MemoryReading {
  const status = readProc(`${procFolder}/self/status`);
  return { residentBytes: field(status, "VmRSS"), peakBytes: field(status, "VmHWM") };
}

/** Sets the high-water mark to the present resident size (Linux: `5` into clear_refs). */
export function resetMemoryPeak(procFolder = "/proc"): void {
  try {
    writeFileSync(`${procFolder}/self/clear_refs`, "5");
  } catch (cause) {
    throw new MpoError("unsupported", `the memory peak cannot be reset through ${procFolder}/self/clear_refs`, {
      cause,
    });
  }
}

function readProc(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    throw new MpoError("unsupported", `memory cannot be read from ${path}`, {
      cause,
      hint: "Memory is read from /proc: run on Linux.",
    });
  }
}

function field(status: string, name: string): number {
  const kibibytes = new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(status)?.[1];
  if (kibibytes === undefined) throw new MpoError("unsupported", `/proc/self/status has no ${name}`);
  return Number(kibibytes) * 1024;
}
