import { dirname, join } from "node:path";
import type { SystemFiles } from "./system-files.ts";

/** The tightest memory limit around this process, and how much of it is free. */
export interface CgroupMemory {
  readonly version: 1 | 2;
  readonly limitBytes: number;
  readonly availableBytes: number;
}

/** Version 1 says "no limit" by the largest multiple of a page below 2^63. */
const NO_LIMIT_BYTES = 2 ** 60;
const V1 = {
  root: "sys/fs/cgroup/memory",
  limit: "memory.limit_in_bytes",
  usage: "memory.usage_in_bytes",
  cache: "total_inactive_file",
};
const V2 = { root: "sys/fs/cgroup", limit: "memory.max", usage: "memory.current", cache: "inactive_file" };

/**
 * Finds the memory limit of the control group that this process is in, or of one around it: the one that leaves least.
 * Undefined when there is none, also where the kernel has memory control switched off (Raspberry Pi OS starts with
 * `cgroup_disable=memory`). Inactive page cache counts as free: the kernel gives it up before it kills.
 */
export async function readCgroupMemory(files: SystemFiles): Promise<CgroupMemory | undefined> {
  const lines = ((await files.text("proc/self/cgroup")) ?? "").split("\n");
  const v1Path = lines.find((line) => /^\d+:([a-z_,]*,)?memory(,[a-z_,]*)?:/u.test(line))?.split(":")[2];
  const v2Path = lines.find((line) => line.startsWith("0::"))?.slice(3);
  const found =
    (v1Path === undefined ? undefined : await tightest(files, V1, v1Path, 1)) ??
    (v2Path === undefined ? undefined : await tightest(files, V2, v2Path, 2));
  return found;
}

async function tightest(
  files: SystemFiles,
  names: typeof V1,
  path: string,
  version: 1 | 2,
): Promise<CgroupMemory | undefined> {
  let least: CgroupMemory | undefined;
  for (const group of groupsAround(path)) {
    const at = join(names.root, group);
    const limitBytes = await files.number(join(at, names.limit));
    if (limitBytes === undefined || limitBytes >= NO_LIMIT_BYTES || limitBytes <= 0) continue;
    const usage = (await files.number(join(at, names.usage))) ?? 0;
    const cache = cacheOf((await files.text(join(at, "memory.stat"))) ?? "", names.cache);
    const availableBytes = Math.max(0, limitBytes - Math.max(0, usage - cache));
    if (least === undefined || availableBytes < least.availableBytes) least = { version, limitBytes, availableBytes };
  }
  return least;
}

/** The group itself first, then those around it. In a container, the group's own path may not be mounted: its root is. */
function groupsAround(path: string): readonly string[] {
  const groups: string[] = [];
  for (let group = join("/", path); ; group = dirname(group)) {
    groups.push(group);
    if (group === "/") return groups;
  }
}

function cacheOf(stat: string, field: string): number {
  return Number(new RegExp(`^${field} (\\d+)$`, "mu").exec(stat)?.[1] ?? 0);
}
