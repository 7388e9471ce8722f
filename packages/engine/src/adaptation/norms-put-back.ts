import { given } from "@mpo/core";
import type { Model } from "../model/model-graph.ts";
import { foldedConvolutions, momentsModel, withNorms } from "../model/onnx/folded-norms.ts";
import { firstSamples, type Samples } from "../training/batches.ts";
import { EngineWorker, type WorkerOptions } from "../worker/engine-worker.ts";
import { evaluateLogits } from "./evaluate.ts";

/** Enough for a channel's mean and variance: each image has many places. */
const MOST_REFERENCES = 64;
const REFERENCE_BATCH = 8;

/** A model with normalisations that change nothing, and how many. */
export interface NormsPutBack {
  readonly model: Model;
  readonly count: number;
  /** Reference inputs that were looked at. */
  readonly references: number;
}

/**
 * Puts batch normalisations back that an exporter folded into convolutions (`folded-norms.ts`), with the statistics of
 * reference inputs: as the model knew them before they drifted, where those are to be had. Undefined for a model that has
 * none folded. It runs in a worker of its own; throws what that throws.
 */
export async function withNormsPutBack(
  model: Model,
  samples: Samples,
  { signal, ...options }: WorkerOptions & { readonly signal?: AbortSignal },
): Promise<NormsPutBack | undefined> {
  const convolutions = model.onnx === undefined ? [] : foldedConvolutions(model.graph);
  if (convolutions.length === 0 || samples.count === 0) return undefined;
  const references = firstSamples(samples, Math.min(MOST_REFERENCES, samples.count));
  await using worker = await EngineWorker.start(options, given({ signal }));
  await worker.load(momentsModel(model, convolutions), given({ signal }));
  const moments = await evaluateLogits(worker, references, { batch: REFERENCE_BATCH, ...given({ signal }) });
  return { model: withNorms(model, convolutions, moments), count: convolutions.length, references: references.count };
}
