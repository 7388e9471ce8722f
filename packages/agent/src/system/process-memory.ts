import type { SystemFiles } from "./system-files.ts";

const KIB = 1024;

/**
 * Memory that a process and all its descendants hold, bytes, without the pages of files: the kernel gives those up
 * before it kills, and counts them as available.
 */
export async function readTreeBytes(files: SystemFiles, pid: number): Promise<number> {
  const pids = (await files.names("proc")).filter((name) => /^\d+$/u.test(name));
  const found = await Promise.all(pids.map((name) => files.text(`proc/${name}/status`)));
  const children = new Map<number, { readonly pid: number; readonly bytes: number }[]>();
  let total = 0;
  for (const status of found) {
    // It has ended since its name was read.
    if (status === undefined) continue;
    const field = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+)`, "mu").exec(status)?.[1] ?? 0);
    const one = { pid: field("Pid"), bytes: (field("RssAnon") + field("RssShmem")) * KIB };
    if (one.pid === pid) total += one.bytes;
    else children.set(field("PPid"), [...(children.get(field("PPid")) ?? []), one]);
  }
  for (const queue = [pid]; queue.length > 0; ) {
    for (const child of children.get(queue.pop() as number) ?? []) {
      total += child.bytes;
      queue.push(child.pid);
    }
  }
  return total;
}
