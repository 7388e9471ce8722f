import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

/** How many descriptors this process may have, and has. Node raises the limit to the hard one when it starts. */
export interface OpenFiles {
  readonly limit: number;
  readonly open: number;
}

/** Below this a server of a fleet will soon run out: each device holds a connection or two. */
export const FEW_OPEN_FILES = 1_024;

/** Reads it from `/proc`; undefined where it cannot be read. */
export async function readOpenFiles(systemRoot = "/"): Promise<OpenFiles | undefined> {
  try {
    const limits = await readFile(join(systemRoot, "proc/self/limits"), "utf8");
    const [, soft] = /^Max open files +(\d+|unlimited)/mu.exec(limits) ?? [];
    if (soft === undefined) return undefined;
    const limit = soft === "unlimited" ? Number.POSITIVE_INFINITY : Number(soft);
    return { limit, open: (await readdir(join(systemRoot, "proc/self/fd"))).length };
  } catch {
    return undefined;
  }
}

/** Connections of devices that a server may take: some descriptors are kept back for health, metrics, files and its store. */
export function connectionsWithin({ limit, open }: OpenFiles): number {
  return Math.max(1, Math.floor(limit - open - Math.max(64, limit / 8)));
}
