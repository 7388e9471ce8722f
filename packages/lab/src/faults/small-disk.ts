import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";

const run = promisify(execFile);

/** Why a folder cannot be a small disk of its own here; undefined: it is one now. */
export async function mountSmallDisk(folder: string): Promise<string | undefined> {
  return await run("mount", ["-t", "tmpfs", "-o", "size=4m", "mpo-kills", folder]).then(
    () => undefined,
    (thrown: unknown) => String(thrown).trim(),
  );
}

export async function unmountSmallDisk(folder: string): Promise<void> {
  const mounts = await readFile("/proc/mounts", "utf8");
  if (mounts.includes(` ${folder} `)) await run("umount", ["-l", folder]);
}
