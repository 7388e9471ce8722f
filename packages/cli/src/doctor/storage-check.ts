import { access, constants, stat, statfs } from "node:fs/promises";
import { dirname } from "node:path";
import { formatBytes } from "@mpo/core";
import type { Check } from "./check.ts";

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
export function storageCheck(folder: string): Check {
  return {
    name: "disk",
    neededBy: ["agent", "coordinator"],
    run: async () => {
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
        state: free < NOTHING_BYTES ? "broken" : "warning",
        found,
        fix: "Free space, or put --data on another disk.",
      };
    },
  };
}
