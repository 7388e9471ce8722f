import { MpoError } from "@mpo/core";
import type { SystemFiles } from "./system-files.ts";

/** The machine's memory, bytes. */
export interface MemoryInfo {
  readonly totalBytes: number;
  /** What can be had without swapping. */
  readonly availableBytes: number;
  readonly swapBytes: number;
}

const KIB = 1024;

/**
 * Reads `/proc/meminfo`. Kernels before 3.14 do not report `MemAvailable`: then free memory and page cache stand in.
 * Throws `unsupported` when there is no such file: without it no budget can be made.
 */
export async function readMemoryInfo(files: SystemFiles): Promise<MemoryInfo> {
  const text = (await files.text("proc/meminfo")) ?? "";
  const field = (name: string): number | undefined => {
    const found = new RegExp(`^${name}:\\s+(\\d+) kB$`, "mu").exec(text)?.[1];
    return found === undefined ? undefined : Number(found) * KIB;
  };
  const totalBytes = field("MemTotal");
  if (totalBytes === undefined || totalBytes === 0) {
    throw new MpoError("unsupported", "the machine's memory cannot be read: /proc/meminfo has no MemTotal", {
      hint: "The agent runs on Linux; in a container, mount /proc.",
    });
  }
  const available = field("MemAvailable") ?? (field("MemFree") ?? 0) + (field("Cached") ?? 0);
  return { totalBytes, availableBytes: Math.min(available, totalBytes), swapBytes: field("SwapTotal") ?? 0 };
}
