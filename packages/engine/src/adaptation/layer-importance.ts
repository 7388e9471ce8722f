import { frozenParameters, remembered, resolveRetrainConfig, withPrescribedRates } from "@mpo/core";
import { chainOf } from "../compiler/chain-of.ts";
import { firstSamples } from "../training/batches.ts";
import { methodNamed } from "../window/method.ts";
import type { CallOptions, EngineWorker } from "../worker/engine-worker.ts";
import { labelByModel } from "./retrain.ts";
import type { Retraining } from "./retrain-context.ts";

export interface ImportanceTask extends Pick<Retraining, "model" | "samples" | "method" | "seed"> {
  /** Samples that go through the model at once, with everything training: what that takes the worker's memory must hold. */
  readonly microBatch: number;
}

const SAMPLES = "importance";
/** Samples that are looked at. */
const LOOKED_AT = 256;
/** Large, so that rounding of the weights does not show in the difference; a power of two, so that the division is exact. */
const GRADIENT_RATE = 2 ** 20;

/**
 * How much each layer matters to a method on these samples: its gradient by its size, the root of the mean of squares over
 * its parameters and over a few seeded micro-batches from the model's own weights (as SURGEON, CVPR 2025).
 * The plain length of the gradient prefers large layers, which lie at the end. Of the layers that the method trains, in the
 * order of the model. Throws what `retrain` throws.
 */
export async function layerImportance(
  worker: EngineWorker,
  { model, samples, method: name, seed, microBatch }: ImportanceTask,
  call: Pick<CallOptions, "signal"> = {},
): Promise<ReadonlyMap<string, number>> {
  const method = methodNamed(name);
  const { loss } = method;
  const config = withPrescribedRates(resolveRetrainConfig({ microBatch }), loss);
  const { parameters } = chainOf(model.graph);
  const frozen = frozenParameters(chainOf(model.graph), config.freezing);
  const few = firstSamples(samples, LOOKED_AT);
  await worker.load({ ...model, training: { config, loss, optimizer: { kind: "sgd" } } }, call);
  const { images, count } = few;
  await worker.setSamples(SAMPLES, method.needsLabels ? few : { images, count }, call);
  if (method.usesPseudoLabels) await labelByModel(worker, SAMPLES, count, config, call);
  const sums = new Map<string, { squares: number; count: number }>();
  const looks = Math.max(1, Math.floor(count / microBatch));
  for (let look = 0; look < looks; look++) {
    if (look > 0) await worker.assignWeights(model.weights, call);
    const learningRate = { kind: "constant", rate: GRADIENT_RATE } as const;
    const run = { steps: 1, learningRate, seed: seed + look, shuffle: true };
    await worker.call("train", { samples: SAMPLES, run }, call);
    const moved = await worker.call("readWeights", {}, call);
    for (const { id, name: parameter, layer } of parameters) {
      if (frozen[id]) continue;
      const before = model.weights.get(parameter)!;
      const sum = remembered(sums, layer, () => ({ squares: 0, count: 0 }));
      sum.squares += squaredDistance(before, moved.get(parameter)!) / GRADIENT_RATE ** 2;
      sum.count += before.length;
    }
  }
  return new Map([...sums].map(([layer, { squares, count: parts }]) => [layer, Math.sqrt(squares / parts)]));
}

function squaredDistance(before: Float32Array, after: Float32Array): number {
  let sum = 0;
  for (const [index, value] of before.entries()) sum += (value - after[index]!) ** 2;
  return sum;
}
