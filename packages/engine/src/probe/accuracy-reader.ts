import { type AccuracyJudge, atcAccuracy, atcThreshold } from "@mpo/core";
import { accuracyOf } from "../adaptation/evaluate.ts";
import { softmaxRows } from "../adaptation/probabilities.ts";
import type { Samples } from "../training/batches.ts";
import type { EngineWorker } from "../worker/engine-worker.ts";
import type { ProbeSamples } from "./micro-windows.ts";

const JUDGED = "judged";
const BATCH = 128;

/**
 * Judges the weights that a worker holds: by labels where there are any, else by average thresholded confidence (Garg et
 * al. 2022), whose threshold comes from labelled samples of the source.
 */
export class AccuracyReader {
  readonly kind: AccuracyJudge;
  readonly #worker: EngineWorker;
  readonly #judged: Samples;
  readonly #threshold: number;
  readonly #signal: AbortSignal;

  private constructor(worker: EngineWorker, judged: Samples, threshold: number | undefined, signal: AbortSignal) {
    this.#worker = worker;
    this.#judged = judged;
    this.kind = threshold === undefined ? "labels" : "label-free";
    this.#threshold = threshold ?? 0;
    this.#signal = signal;
  }

  /** Undefined when there is nothing to judge by. The worker must hold the source weights. */
  static async create(
    worker: EngineWorker,
    { judged, source }: ProbeSamples,
    { signal }: { readonly signal: AbortSignal },
  ): Promise<AccuracyReader | undefined> {
    if (judged.labels !== undefined) return new AccuracyReader(worker, judged, undefined, signal);
    if (source?.labels === undefined) return undefined;
    const logits = await evaluate(worker, source, signal);
    const threshold = atcThreshold(confidences(logits, source.count), accuracyOf(logits, source.labels));
    return new AccuracyReader(worker, judged, threshold, signal);
  }

  /** Accuracy of the weights that the worker holds now, 0 to 1. */
  async read(): Promise<number> {
    const logits = await evaluate(this.#worker, this.#judged, this.#signal);
    const { labels, count } = this.#judged;
    if (this.kind === "labels" && labels !== undefined) return accuracyOf(logits, labels);
    return atcAccuracy(confidences(logits, count), this.#threshold);
  }
}

async function evaluate(worker: EngineWorker, { images, count }: Samples, signal: AbortSignal): Promise<Float32Array> {
  await worker.call("samples", { name: JUDGED, samples: { images, count } }, { signal });
  return (await worker.call("evaluate", { samples: JUDGED, batch: BATCH, features: false }, { signal })).logits;
}

function confidences(logits: Float32Array, count: number): readonly number[] {
  const probabilities = softmaxRows(logits, count);
  const classes = probabilities.length / count;
  return Array.from({ length: count }, (_, row) =>
    Math.max(...probabilities.subarray(row * classes, (row + 1) * classes)),
  );
}
