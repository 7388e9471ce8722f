import {
  type AccuracySample,
  type CostModel,
  type RetrainConfig,
  resolveRetrainConfig,
  withPrescribedRates,
} from "@mpo/core";
import { EngineWorker } from "../../worker/engine-worker.ts";
import { type ProbeContext, unlessOverCap } from "../probe-context.ts";
import { runMicroWindows } from "./micro-windows.ts";

/** Part of the time left that micro-windows plan with: their steps are predicted, not known. */
const SAFE_SHARE = 0.85;

/** How accuracy changes under a few configs, in the time that is left; none where there are no samples, or nothing fits. */
export async function measureAccuracy(context: ProbeContext, costModel: CostModel): Promise<readonly AccuracySample[]> {
  const { task, method, signal, seed, clock } = context;
  const { samples, model } = task;
  if (samples === undefined) return [];
  context.report("accuracy");
  const memoryOf = (config: RetrainConfig): number => costModel.predict(config).memoryBytes.upper;
  const chosen = learningConfigs(context, memoryOf);
  const [largest] = chosen.toSorted((left, right) => memoryOf(right) - memoryOf(left));
  if (largest === undefined) return [];
  await using worker = await EngineWorker.start({ ...context.process(), ...context.capOf(largest) }, { signal });
  const curves = runMicroWindows(
    worker,
    {
      model,
      method,
      samples,
      configs: chosen,
      stepMs: (config) => costModel.predict(config).stepMs.expected,
      budgetMs: SAFE_SHARE * context.leftMs(),
      seed,
    },
    { signal, clock },
  );
  return (await curves.catch(unlessOverCap)) || [];
}

/** Freezings, and micro-batches where they matter, that span what can be learned, the most telling first; only what fits. */
function learningConfigs(context: ProbeContext, memoryOf: (config: RetrainConfig) => number): readonly RetrainConfig[] {
  const { effectiveBatch } = context.task;
  const sizes = context.hasBatchStatistics ? [64, 16, 4] : [32, 8, 2];
  const sizesEach = context.hasBatchStatistics ? 2 : 1;
  const configOf = (rate: number, microBatch: number): RetrainConfig => {
    const freezing = { featureExtraction: rate, normalisation: rate, linear: 0 };
    const config = resolveRetrainConfig({ microBatch, accumulation: effectiveBatch / microBatch, freezing });
    return withPrescribedRates(config, context.method.loss);
  };
  // What nearly nothing trains gains comes before what lies between.
  const fitting = [0, 0.9, 0.5].map((rate) =>
    sizes
      .filter((size) => effectiveBatch % size === 0)
      .map((microBatch) => configOf(rate, microBatch))
      .filter((config) => context.changes(config) && context.fits(memoryOf(config))),
  );
  // Each freezing once before any twice: what comes last is left out where time is short.
  const ranks = Array.from({ length: sizesEach }, (_, rank) => rank);
  const ordered = ranks.flatMap((rank) => fitting.flatMap((configs) => configs[rank] ?? []));
  // A method may make one of what differs.
  return [...new Map(ordered.map((config) => [JSON.stringify(config), config])).values()];
}
