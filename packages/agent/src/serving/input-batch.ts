import type { Dirent } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { type Clock, fileError, systemErrorCode } from "@mpo/io";
import type { Logger } from "@mpo/runtime";

/**
 * A batch of inputs as the serving program drops it: `NAME.npy` (`[count, height, width, channels]`, 0..255 or 0..1), or a
 * folder `NAME` with pictures at any depth. Beside `NAME.npy` may lie
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

/** Up to so many, every batch is looked at each time; of more, the new ones are, and so many of the others in turn. */
const MAX_STATS = 500;

interface Known {
  readonly mtimeMs: number;
  readonly batch: InputBatch;
}

interface KnownFolder {
  readonly byName: ReadonlyMap<string, Known>;
  /** Oldest first. */
  readonly batches: readonly InputBatch[];
  /** Where the next turn begins. */
  readonly turn: number;
}

/** Lists the batches of folders, and remembers what it saw of them as long as they lie there. */
export class InputBatches {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #folders = new Map<string, KnownFolder>();

  constructor({ clock, logger }: { readonly clock: Clock; readonly logger: Logger }) {
    this.#clock = clock;
    this.#logger = logger;
  }

  /** Batches in a folder, oldest first; none when there is no folder. Throws when it cannot be read. */
  async list(folder: string): Promise<readonly InputBatch[]> {
    const entries = (
      await readdir(folder, { withFileTypes: true }).catch((thrown: unknown) => {
        if (systemErrorCode(thrown) === "ENOENT") return [];
        throw fileError(thrown, "read", folder);
      })
    ).filter((entry) => !entry.name.startsWith(".") && (isNpy(entry) || entry.isDirectory()));
    const before = this.#folders.get(folder);
    const turn = before === undefined || before.turn >= entries.length ? 0 : before.turn;
    const byName = new Map<string, Known>();
    let isSame = entries.length === before?.byName.size;
    for (const [index, entry] of entries.entries()) {
      const known = before?.byName.get(entry.name);
      const isItsTurn = (index - turn + entries.length) % entries.length < MAX_STATS;
      const found = known === undefined || isItsTurn ? await this.#look(folder, entry, known) : known;
      if (found !== known) isSame = false;
      if (found !== undefined) byName.set(entry.name, found);
    }
    const batches = isSame && before !== undefined ? before.batches : sorted(byName);
    this.#folders.set(folder, { byName, batches, turn: turn + MAX_STATS });
    return batches;
  }

  /** What is known of a batch when it is as it was; undefined when it is gone: the program may remove it at any time. */
  async #look(folder: string, entry: Dirent, known: Known | undefined): Promise<Known | undefined> {
    const path = join(folder, entry.name);
    const mtimeMs = (await stat(path).catch(() => undefined))?.mtimeMs;
    if (mtimeMs === undefined || mtimeMs === known?.mtimeMs) return mtimeMs === undefined ? undefined : known;
    const changedAtMs = this.#noLaterThanNow(path, mtimeMs);
    return { mtimeMs, batch: { name: entry.name, path, kind: isNpy(entry) ? "npy" : "images", changedAtMs } };
  }

  /** A batch from the future would hide all others until then: it counts from when it was first seen. */
  #noLaterThanNow(path: string, mtimeMs: number): number {
    const nowMs = this.#clock.now();
    if (mtimeMs <= nowMs + CLOCK_STEP_MS) return mtimeMs;
    this.#logger.warn("a batch of inputs is from the future; it counts from now", {
      path,
      aheadSeconds: Math.round((mtimeMs - nowMs) / 1_000),
    });
    return nowMs;
  }
}

function isNpy(entry: Dirent): boolean {
  return entry.isFile() && entry.name.endsWith(".npy") && !SIDE_FILE.test(entry.name);
}

function sorted(byName: ReadonlyMap<string, Known>): readonly InputBatch[] {
  return [...byName.values()]
    .map(({ batch }) => batch)
    .sort((left, right) => left.changedAtMs - right.changedAtMs || (left.name < right.name ? -1 : 1));
}

/** Where in the order of batches one lies: compare as texts. */
export function batchCursor({ changedAtMs, name }: InputBatch): string {
  return `${changedAtMs.toFixed(4).padStart(20, "0")} ${name}`;
}

/** Path of the file with what belongs to a batch of `.npy`. */
export function sideFile(npyPath: string, kind: "predictions" | "labels"): string {
  return npyPath.replace(/\.npy$/u, `.${kind}.npy`);
}
