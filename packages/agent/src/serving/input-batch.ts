import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { systemErrorCode } from "@mpo/io";

/**
 * A batch of inputs as the serving program drops it: `NAME.npy` (`[count, height, width, channels]`, 0..255 or 0..1), or a
 * folder `NAME` with PNG or JPEG files in sub-folders (of classes, or one of any name). Beside `NAME.npy` may lie
 * `NAME.predictions.npy` (probabilities `[count, classes]`) and `NAME.labels.npy` (`[count]`).
 * Write it under a name that begins with a dot and rename it: half a file is never read.
 */
export interface InputBatch {
  readonly name: string;
  readonly path: string;
  readonly kind: "npy" | "images";
  readonly changedAtMs: number;
}

const SIDE_FILE = /\.(predictions|labels)\.npy$/u;

/** Batches in a folder, oldest first; none when there is no folder. */
export async function listInputBatches(folder: string): Promise<readonly InputBatch[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((thrown: unknown) => {
    if (systemErrorCode(thrown) === "ENOENT") return [];
    throw thrown;
  });
  const batches: InputBatch[] = [];
  for (const entry of entries) {
    const isNpy = entry.isFile() && entry.name.endsWith(".npy") && !SIDE_FILE.test(entry.name);
    if (entry.name.startsWith(".") || !(isNpy || entry.isDirectory())) continue;
    const path = join(folder, entry.name);
    // The serving program may remove old batches at any time.
    const found = await stat(path).catch(() => undefined);
    if (found === undefined) continue;
    batches.push({ name: entry.name, path, kind: isNpy ? "npy" : "images", changedAtMs: found.mtimeMs });
  }
  return batches.toSorted((left, right) => left.changedAtMs - right.changedAtMs || (left.name < right.name ? -1 : 1));
}

/** Where in the order of batches one lies: compare as texts. */
export function batchCursor({ changedAtMs, name }: InputBatch): string {
  return `${changedAtMs.toFixed(4).padStart(20, "0")} ${name}`;
}

/** Path of the file with what belongs to a batch of `.npy`. */
export function sideFile(npyPath: string, kind: "predictions" | "labels"): string {
  return npyPath.replace(/\.npy$/u, `.${kind}.npy`);
}
