import type { SystemFiles } from "./system-files.ts";

const KIB = 1024;

/**
 * Memory that a process and all its descendants hold, bytes, without the pages of files: the kernel gives those up
 * before it kills, and counts them as available. Kernels without CONFIG_PROC_CHILDREN are searched for the descendants.
 */
export async function readTreeBytes(files: SystemFiles, pid: number): Promise<number> {
  const knowsChildren = (await files.text(`proc/${pid}/task/${pid}/children`)) !== undefined;
  const parents = knowsChildren ? undefined : await readParents(files);
  let total = 0;
  for (const queue = [pid]; queue.length > 0; ) {
    const next = queue.pop() as number;
    const status = await files.text(`proc/${next}/status`);
    // It has ended since it was found.
    if (status === undefined) continue;
    total += (field(status, "RssAnon") + field(status, "RssShmem")) * KIB;
    queue.push(...(parents === undefined ? await readChildren(files, next) : (parents.get(next) ?? [])));
  }
  return total;
}

/** Children that any thread of a process has started. */
async function readChildren(files: SystemFiles, pid: number): Promise<readonly number[]> {
  const children: number[] = [];
  for (const thread of await files.names(`proc/${pid}/task`)) {
    const text = (await files.text(`proc/${pid}/task/${thread}/children`)) ?? "";
    children.push(...text.split(" ").filter(Boolean).map(Number));
  }
  return children;
}

/** Children of every process. One file after the other: all at once would take megabytes. */
async function readParents(files: SystemFiles): Promise<ReadonlyMap<number, readonly number[]>> {
  const children = new Map<number, number[]>();
  for (const name of await files.names("proc")) {
    if (!/^\d+$/u.test(name)) continue;
    const parent = field((await files.text(`proc/${name}/status`)) ?? "", "PPid");
    children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
  }
  return children;
}

function field(status: string, name: string): number {
  return Number(new RegExp(`^${name}:\\s+(\\d+)`, "mu").exec(status)?.[1] ?? 0);
}
