import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { type Clock, fileError, systemErrorCode } from "@mpo/io";
import type { Logger } from "@mpo/runtime";

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

/** File systems and clocks need not agree to the millisecond. */
const CLOCK_STEP_MS = 1_000;
const SIDE_FILE = /\.(predictions|labels)\.npy$/u;

/** Lists the batches of folders, and remembers when it first saw those whose time lies in the future. */
export class InputBatches {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #ahead = new Map<string, { readonly changedAtMs: number; readonly seenAtMs: number }>();

  constructor({ clock, logger }: { readonly clock: Clock; readonly logger: Logger }) {
    this.#clock = clock;
    this.#logger = logger;
  }

  /** Batches in a folder, oldest first; none when there is no folder. Throws when it cannot be read. */
  async list(folder: string): Promise<readonly InputBatch[]> {
    const entries = await readdir(folder, { withFileTypes: true }).catch((thrown: unknown) => {
      if (systemErrorCode(thrown) === "ENOENT") return [];
      throw fileError(thrown, "read", folder);
    });
    const batches: InputBatch[] = [];
    for (const entry of entries) {
      const isNpy = entry.isFile() && entry.name.endsWith(".npy") && !SIDE_FILE.test(entry.name);
      if (entry.name.startsWith(".") || !(isNpy || entry.isDirectory())) continue;
      const path = join(folder, entry.name);
      // The serving program may remove old batches at any time.
      const found = await stat(path).catch(() => undefined);
      if (found === undefined) continue;
      const changedAtMs = this.#noLaterThanNow(path, found.mtimeMs);
      batches.push({ name: entry.name, path, kind: isNpy ? "npy" : "images", changedAtMs });
    }
    return batches.toSorted((left, right) => left.changedAtMs - right.changedAtMs || (left.name < right.name ? -1 : 1));
  }

  /** A batch from the future would hide all others until then: it counts from when it was first seen. */
  #noLaterThanNow(path: string, changedAtMs: number): number {
    const known = this.#ahead.get(path);
    if (known?.changedAtMs === changedAtMs) return known.seenAtMs;
    const seenAtMs = this.#clock.now();
    if (changedAtMs <= seenAtMs + CLOCK_STEP_MS) return changedAtMs;
    this.#ahead.set(path, { changedAtMs, seenAtMs });
    this.#logger.warn("a batch of inputs is from the future; it counts from now", {
      path,
      aheadSeconds: Math.round((changedAtMs - seenAtMs) / 1_000),
    });
    return seenAtMs;
  }
}

/** Where in the order of batches one lies: compare as texts. */
export function batchCursor({ changedAtMs, name }: InputBatch): string {
  return `${changedAtMs.toFixed(4).padStart(20, "0")} ${name}`;
}

/** Path of the file with what belongs to a batch of `.npy`. */
export function sideFile(npyPath: string, kind: "predictions" | "labels"): string {
  return npyPath.replace(/\.npy$/u, `.${kind}.npy`);
}
