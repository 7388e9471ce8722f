import { type CostModel, type RetrainConfig, resolveRetrainConfig, withPrescribedRates } from "@mpo/core";
import { EngineWorker } from "../../worker/engine-worker.ts";
import { type ProbeContext, unlessOverCap } from "../probe-context.ts";
import { type LearnedCurve, type LearningCandidate, runMicroWindows } from "./micro-windows.ts";

/** Part of the time left that micro-windows plan with: their steps are predicted, not known. */
const SAFE_SHARE = 0.85;

/** A method that is measured: what its configs take is known. */
export interface MeasuredMethod {
  readonly context: ProbeContext;
  readonly costModel: CostModel;
}

/**
 * How accuracy changes under a few configs of each method, in the time that is left; none where there are no samples, or
 * nothing fits. All of them race: what falls behind is not trained on. The methods are of one task, the first one's time counts.
 */
export async function measureAccuracy(
  methods: readonly [MeasuredMethod, ...MeasuredMethod[]],
): Promise<readonly LearnedCurve[]> {
  const { task, signal, seed, clock } = methods[0].context;
  const { samples, model } = task;
  if (samples === undefined) return [];
  methods[0].context.report("accuracy");
  const chosen = methods.map(learningConfigs);
  const most = Math.max(...chosen.map(({ length }) => length));
  // Each method once before any twice: what comes last is left out where time is short.
  const candidates = Array.from({ length: most }, (_, rank) => chosen.flatMap((of) => of[rank] ?? [])).flat();
  const [largest] = candidates.toSorted((left, right) => right.memoryBytes - left.memoryBytes);
  if (largest === undefined) return [];
  const { context, config } = largest;
  await using worker = await EngineWorker.start({ ...context.process(), ...context.capOf(config) }, { signal });
  const budgetMs = SAFE_SHARE * methods[0].context.leftMs();
  const curves = runMicroWindows(worker, { model, samples, candidates, budgetMs, seed }, { signal, clock });
  return (await curves.catch(unlessOverCap)) || [];
}

interface MethodCandidate extends LearningCandidate {
  readonly context: ProbeContext;
  readonly memoryBytes: number;
}

/** Freezings, and micro-batches where they matter, that span what can be learned, the most telling first; only what fits. */
function learningConfigs({ context, costModel }: MeasuredMethod): readonly MethodCandidate[] {
  const memoryOf = (config: RetrainConfig): number => costModel.predict(config).memoryBytes.upper;
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
  const distinct = [...new Map(ordered.map((config) => [JSON.stringify(config), config])).values()];
  return distinct.map((config) => {
    const { memoryBytes, stepMs } = costModel.predict(config);
    return { context, method: context.method, config, stepMs: stepMs.expected, memoryBytes: memoryBytes.upper };
  });
}
