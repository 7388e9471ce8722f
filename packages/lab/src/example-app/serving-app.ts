import { mkdir, readdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { findServable, SERVING_FOLDERS, sideFile } from "@mpo/agent";
import { given } from "@mpo/core";
import { concatImages, encodeNpy, encodeNpyImages, type ImageSet } from "@mpo/datasets";
import { accuracyOf } from "@mpo/engine";
import type { Clock } from "@mpo/io";

/** What predicts: an engine's worker in the example program, anything in a test. */
export interface Predictor {
  /** Probabilities `[count, classes]`. */
  predict(set: ImageSet): Promise<Float32Array>;
  close(): Promise<void>;
}

export interface ServingAppOptions {
  /** The model's folder: holds `model`, `inputs`, `retrained`. */
  readonly folder: string;
  readonly clock: Clock;
  readonly load: (modelFolder: string) => Promise<Predictor>;
  /** The next requests' inputs; undefined: no more come. Labels are used to measure accuracy, and never dropped. */
  readonly next: () => Promise<ImageSet | undefined>;
  /** Pause between requests, milliseconds. */
  readonly pauseMs: number;
  /** Inputs that make a batch in the inputs folder. Default 32. */
  readonly batchInputs?: number;
  /** Batches that are kept there. Default 64. */
  readonly keptBatches?: number;
  readonly onSwap?: (version: number) => void;
  /** The model is loaded; the first request comes next. */
  readonly onReady?: () => void;
  /** After each request. */
  readonly onServed?: (request: ServedRequest) => void;
  readonly signal: AbortSignal;
}

/** How often it looks for a retrained model. */
const LOOK_MS = 1_000;

/** One request that was answered. */
export interface ServedRequest {
  readonly images: number;
  /** Images that were predicted rightly; absent: no labels. */
  readonly right?: number;
  /** Of the retrained model that answered; 0: the one as deployed. */
  readonly version: number;
  readonly latencyMs: number;
}

/**
 * A program that serves a model under load and works with an agent through folders alone: it drops its inputs and
 * predictions, and goes over to a retrained model when a whole one appears. The new one is loaded before the old one is
 * let go, so that no request waits; one that does not load is passed over. Runs until the signal or the inputs end.
 */
export async function runServingApp(options: ServingAppOptions): Promise<void> {
  const { folder, clock, load, next, pauseMs, signal } = options;
  const retrained = join(folder, SERVING_FOLDERS.retrained);
  const drop = inputDrop(options);
  let served = await findServable(retrained);
  let predictor = await load(served?.folder ?? join(folder, SERVING_FOLDERS.source));
  let lookedAtMs = clock.monotonicMs();
  options.onReady?.();
  try {
    while (!signal.aborted) {
      const set = await next();
      if (set === undefined) break;
      const began = clock.monotonicMs();
      const predictions = await predictor.predict(set);
      const latencyMs = clock.monotonicMs() - began;
      const right = set.labels && Math.round(accuracyOf(predictions, set.labels) * set.count);
      options.onServed?.({ images: set.count, version: served?.version ?? 0, latencyMs, ...given({ right }) });
      await drop(set, predictions);
      if (clock.monotonicMs() - lookedAtMs >= LOOK_MS) {
        lookedAtMs = clock.monotonicMs();
        const found = await findServable(retrained);
        if (found !== undefined && found.folder !== served?.folder) {
          const better = await load(found.folder).catch(() => undefined);
          if (better !== undefined) {
            await predictor.close();
            [predictor, served] = [better, found];
            options.onSwap?.(found.version);
          }
        }
      }
      if (pauseMs > 0) await clock.sleep(pauseMs, { signal }).catch(() => undefined);
    }
  } finally {
    await predictor.close();
  }
}

/** Collects inputs and drops a batch when there are enough; the oldest batches are removed. */
function inputDrop({
  folder,
  clock,
  batchInputs = 32,
  keptBatches = 64,
}: ServingAppOptions): (set: ImageSet, predictions: Float32Array) => Promise<void> {
  const inputs = join(folder, SERVING_FOLDERS.inputs);
  let waiting: { readonly set: ImageSet; readonly predictions: Float32Array }[] = [];
  let dropped = 0;
  return async (set, predictions) => {
    waiting.push({ set, predictions });
    const count = waiting.reduce((sum, each) => sum + each.set.count, 0);
    if (count < batchInputs) return;
    const name = `${Math.round(clock.now())}-${String(dropped++).padStart(6, "0")}.npy`;
    await mkdir(inputs, { recursive: true });
    const classes = predictions.length / set.count;
    const all = Float32Array.from(waiting.flatMap((each) => [...each.predictions]));
    const shares = encodeNpy({ type: "f4", shape: [count, classes], data: all });
    await writeInto(inputs, sideFile(name, "predictions"), shares);
    // Last: its name is what the agent looks for.
    await writeInto(inputs, name, encodeNpyImages(concatImages(waiting.map((each) => each.set))));
    waiting = [];
    await removeOldest(inputs, keptBatches);
  };
}

async function writeInto(folder: string, name: string, content: Uint8Array): Promise<void> {
  await writeFile(join(folder, `.${name}`), content);
  await rename(join(folder, `.${name}`), join(folder, name));
}

async function removeOldest(folder: string, kept: number): Promise<void> {
  const names = (await readdir(folder)).filter((name) => /^\d+-\d+\.npy$/u.test(name)).toSorted();
  for (const name of names.slice(0, Math.max(0, names.length - kept))) {
    await rm(join(folder, name), { force: true });
    await rm(join(folder, sideFile(name, "predictions")), { force: true });
  }
}
