import { access, constants, stat, statfs } from "node:fs/promises";
import { dirname, join } from "node:path";
import { formatBytes } from "@mpo/core";
import { STORE_NEEDS_BYTES } from "@mpo/transport";
import type { Finding } from "./check.ts";

/** A retrained model, a journal and a store must find room. */
const LITTLE_BYTES = 2 ** 30;
const NOTHING_BYTES = 64 * 2 ** 20;

/** The folder, or the nearest one around it that exists. */
export async function existingParent(folder: string): Promise<string> {
  for (let path = folder; ; path = dirname(path)) {
    const found = await stat(path).catch(() => undefined);
    if (found?.isDirectory() === true || path === dirname(path)) return path;
  }
}

/** State can be written, and there is room for it. */
export async function checkDisk(folder: string): Promise<Finding> {
  return await findRoom(folder, NOTHING_BYTES);
}

/** A coordinator's store finds what it needs to begin with. */
export async function checkStoreRoom(folder: string): Promise<Finding> {
  const isThere = (await stat(join(folder, "nats/jetstream")).catch(() => undefined)) !== undefined;
  const finding = await findRoom(folder, isThere ? NOTHING_BYTES : STORE_NEEDS_BYTES);
  if (isThere) return finding;
  return { ...finding, found: `${finding.found}; a new store needs ${formatBytes(STORE_NEEDS_BYTES)}` };
}

async function findRoom(folder: string, neededBytes: number): Promise<Finding> {
  const parent = await existingParent(folder);
  const { bavail, bsize } = await statfs(parent);
  const free = bavail * bsize;
  const found = `${formatBytes(free)} free for ${folder}`;
  const isWritable = await access(parent, constants.W_OK | constants.X_OK).then(
    () => true,
    () => false,
  );
  if (!isWritable) {
    return {
      state: "broken",
      found: `${parent} cannot be written`,
      fix: "Give --data a folder of yours, or set XDG_STATE_HOME.",
    };
  }
  if (free >= LITTLE_BYTES) return { state: "ok", found };
  return {
    state: free < neededBytes ? "broken" : "warning",
    found,
    fix: "Free space, or put --data on another disk.",
  };
}
