import { given, planStep, residentGrowth, resolveRetrainConfig } from "@mpo/core";
import { chainOf } from "../compiler/chain-of.ts";
import { stepMemoryFacts } from "../compiler/memory-facts.ts";
import type { Model } from "../model/model-graph.ts";
import { type Convolution, foldedConvolutions, withNorms } from "../model/onnx/folded-norms.ts";
import { momentsModel, neutralNorms, normsOfMoments } from "../model/onnx/norm-moments.ts";
import { poolCapFor } from "../probe/pool-cap.ts";
import { firstSamples, type Samples } from "../training/batches.ts";
import { methodNamed } from "../window/method.ts";
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

/** How the worker that looks at reference inputs runs. */
export interface PutBackOptions extends Omit<WorkerOptions, "memoryCapBytes"> {
  /** What it may take above the idle process; becomes the hard limit of its allocator. Default: no limit. */
  readonly memoryBytes?: number;
  readonly signal?: AbortSignal;
}

/**
 * Puts batch normalisations back that an exporter folded into convolutions (`folded-norms.ts`), with the statistics of
 * reference inputs: as the model knew them before they drifted, where those are to be had. Undefined for a model that has
 * none folded. It runs in a worker of its own; throws what that throws.
 */
export async function withNormsPutBack(
  model: Model,
  samples: Samples,
  { signal, memoryBytes, ...options }: PutBackOptions,
): Promise<NormsPutBack | undefined> {
  const convolutions = foldedIn(model);
  if (convolutions.length === 0 || samples.count === 0) return undefined;
  const references = firstSamples(samples, Math.min(MOST_REFERENCES, samples.count));
  const { batch, ...limit } = roomFor(model, memoryBytes);
  await using worker = await EngineWorker.start({ ...options, ...limit }, given({ signal }));
  await worker.load(momentsModel(model, convolutions), given({ signal }));
  const moments = await evaluateLogits(worker, references, { batch, ...given({ signal }) });
  const norms = normsOfMoments(model, convolutions, moments);
  return { model: withNorms(model, convolutions, norms), count: convolutions.length, references: references.count };
}

/**
 * The same model as `withNormsPutBack` gives but for its weights, without looking at inputs: it takes as much memory and
 * time. A model that has none folded is given as it is.
 */
export function withNeutralNorms(model: Model): Model {
  const convolutions = foldedIn(model);
  return convolutions.length === 0 ? model : withNorms(model, convolutions, neutralNorms(model, convolutions));
}

/** How many convolutions of a model hold a batch normalisation that an exporter folded. */
export function foldedCount(model: Model): number {
  return foldedIn(model).length;
}

function foldedIn(model: Model): readonly Convolution[] {
  return model.onnx === undefined ? [] : foldedConvolutions(model.graph);
}

/** So many inputs at once that a whole step of as many, which takes more, has room. */
function roomFor(
  { graph }: Model,
  memoryBytes: number | undefined,
): { readonly batch: number; readonly memoryCapBytes?: number } {
  if (memoryBytes === undefined) return { batch: REFERENCE_BATCH };
  const chain = chainOf(graph);
  const facts = stepMemoryFacts(chain, methodNamed("crossEntropy"));
  let batch = REFERENCE_BATCH;
  const plan = () => planStep(chain, resolveRetrainConfig({ microBatch: batch }));
  while (batch > 1 && residentGrowth(plan(), facts) > memoryBytes) batch /= 2;
  return { batch, memoryCapBytes: poolCapFor(plan(), facts, memoryBytes) };
}
