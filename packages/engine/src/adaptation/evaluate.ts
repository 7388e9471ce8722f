import { MpoError } from "@mpo/core";
import type { Samples } from "../training/batches.ts";
import type { CallOptions, EngineWorker } from "../worker/engine-worker.ts";

/** Samples in one inference batch: large enough for speed, small compared with any training step. */
const EVALUATION_BATCH = 128;

export interface EvaluationOptions extends Pick<CallOptions, "signal" | "timeoutMs"> {
  /** Samples in one inference batch; default 128. */
  readonly batch?: number;
}

/** Logits `[count, classes]` of the worker's loaded model, in inference mode, row-major. */
export async function evaluateLogits(
  worker: EngineWorker,
  samples: Samples,
  { batch = EVALUATION_BATCH, ...call }: EvaluationOptions = {},
): Promise<Float32Array> {
  const name = "evaluation";
  await worker.setSamples(name, samples, call);
  const { logits } = await worker.call("evaluate", { samples: name, batch, features: false }, call);
  return logits;
}

/** Share (0 to 1) of samples that the worker's model classifies rightly. Throws `invalid-argument` without labels. */
export async function evaluateAccuracy(
  worker: EngineWorker,
  samples: Samples,
  options: EvaluationOptions = {},
): Promise<number> {
  if (samples.labels === undefined) throw new MpoError("invalid-argument", "accuracy needs samples with labels");
  return accuracyOf(await evaluateLogits(worker, samples, options), samples.labels);
}

/**
 * Share (0 to 1) of rows of `logits` `[count, classes]` whose largest entry is at the row's label. Throws
 * `invalid-argument` when there are no labels or when they do not fit the logits.
 */
export function accuracyOf(logits: Float32Array, labels: Int32Array): number {
  const predicted = predictedClasses(logits, labels.length);
  return labels.reduce((right, label, row) => right + (predicted[row] === label ? 1 : 0), 0) / labels.length;
}

/** Position of the largest entry of each of `count` rows. Throws `invalid-argument` when the rows are not whole. */
export function predictedClasses(logits: Float32Array, count: number): Int32Array {
  const classes = logits.length / count;
  if (count < 1 || !Number.isInteger(classes) || classes < 1) {
    throw new MpoError("invalid-argument", `${logits.length} logits are not whole rows for ${count} samples`);
  }
  return Int32Array.from({ length: count }, (_, row) => {
    let best = 0;
    for (let column = 1; column < classes; column++) {
      if (logits[row * classes + column]! > logits[row * classes + best]!) best = column;
    }
    return best;
  });
}
