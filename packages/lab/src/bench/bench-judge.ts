import { resolve } from "node:path";
import {
  type CommandContext,
  type DatasetOptions,
  damageOptions,
  driftedSamples,
  type FrostOptions,
  formatShare,
  loadModel,
  loadTestImages,
} from "@mpo/cli";
import { AccuracyModel, given, judgedInterval, type MethodName, MpoError, mean, resolveRetrainConfig } from "@mpo/core";
import { CORRUPTION_NAMES, type CorruptionName } from "@mpo/datasets";
import {
  EngineWorker,
  firstSamples,
  type LabelFreeEstimate,
  labelFreeEstimate,
  type Model,
  type RetrainResult,
  retrain,
} from "@mpo/engine";
import { type Columns, measureEach, printTable } from "../harness.ts";
import { accuracyWith } from "../retrained-accuracy.ts";

export interface BenchJudgeOptions extends DatasetOptions, FrostOptions {
  readonly weights: string;
  readonly method: MethodName;
  readonly severities: readonly number[];
  readonly samples: number;
  readonly judgeSamples: number;
  readonly seed: number;
  readonly threads?: number;
}

interface Drift {
  readonly corruption: CorruptionName;
  readonly severity: number;
}

/** What a device says of an accuracy, and what labels say. */
interface Claim {
  readonly expected: number;
  readonly lower: number;
  readonly upper: number;
  readonly truth: number;
}

interface JudgedDrift extends Drift {
  readonly before: Claim;
  readonly after: Claim;
  /** Of the retraining, from a look after its first steps. */
  readonly predicted: Claim;
}

const BATCH = 64;
/** Images on which a device judges, as a probe's looks at a training do. */
const DEVICE_JUDGES = 384;
/** What a probe trains on before it looks. */
const PROBED_STEPS = 6;

/**
 * Holds estimates without labels, and what is predicted from them, against labels: before and after a retraining to each
 * of the 15 corruptions. An interval that means something holds the truth in 9 of 10.
 */
export async function benchJudge(options: BenchJudgeOptions, context: CommandContext): Promise<void> {
  const { terminal, signal, workingFolder } = context;
  const path = resolve(workingFolder, options.weights);
  const damage = await damageOptions(CORRUPTION_NAMES, options, context);
  const model = await loadModel(path, signal);
  const test = await loadTestImages(options, model, path, context);
  const items = options.severities.flatMap((severity) =>
    CORRUPTION_NAMES.map((corruption): Drift => ({ corruption, severity })),
  );
  const rows = await measureEach<Drift, JudgedDrift>(
    {
      title: "judging",
      items,
      facts: ({ corruption, after }) =>
        `${corruption}: ${formatShare(after.expected)}, by labels ${formatShare(after.truth)}`,
    },
    context,
    async (drift) =>
      await judgeDrift(drift, model, await driftedSamples(test, { ...options, ...drift }, damage), options, context),
  );
  const kinds = ["before", "after", "predicted"] as const;
  const columns: Columns<(typeof kinds)[number]> = [
    ["accuracy", (kind) => kind],
    ["truth in the interval", (kind) => `${rows.filter((row) => isWithin(row[kind])).length} of ${rows.length}`],
    ["mean width", (kind) => formatShare(mean(rows.map((row) => row[kind].upper - row[kind].lower)))],
    ["estimate - truth, mean", (kind) => formatShare(mean(rows.map((row) => row[kind].expected - row[kind].truth)))],
  ];
  printTable(kinds, columns, terminal);
}

async function judgeDrift(
  drift: Drift,
  model: Model,
  { adapted, judged }: Awaited<ReturnType<typeof driftedSamples>>,
  { method, seed, threads }: BenchJudgeOptions,
  { environment, signal }: CommandContext,
): Promise<JudgedDrift> {
  const { images, count } = judged;
  const judgedOn = firstSamples({ images, count }, DEVICE_JUDGES);
  const config = resolveRetrainConfig({ microBatch: BATCH });
  await using worker = await EngineWorker.start({ environment, ...given({ threads }) }, { signal });
  const samples = { images: adapted.images, count: adapted.count };
  const window = async (size: number): Promise<Pick<RetrainResult, "steps" | "weights"> & LabelFreeEstimate> => {
    const task = { model, samples: firstSamples(samples, size), judgedOn, method, config, epochs: 1, seed };
    const { steps, weights } = await retrain(worker, task, { signal });
    const estimate = await labelFreeEstimate({ worker, model, weights, judgedOn, microBatch: BATCH, signal });
    if (estimate === undefined)
      throw new MpoError("unsupported", "this model's accuracy cannot be estimated without labels");
    return { steps, weights, ...estimate };
  };
  const claim = async (weights: Model["weights"], expected: number): Promise<Claim> => {
    const truth = await accuracyWith(worker, weights, judged, signal);
    return { expected, ...judgedInterval(expected, "label-free", judgedOn.count), truth };
  };
  const probed = await window(PROBED_STEPS * BATCH);
  const whole = await window(samples.count);
  const before = await claim(model.weights, whole.accuracyBefore);
  const after = await claim(whole.weights, whole.accuracyAfter);
  const { freezing, microBatch } = config;
  const sample = {
    ...{ freezing, microBatch, judge: "label-free" as const, judgedSamples: judgedOn.count },
    startAccuracy: probed.accuracyBefore,
    points: [{ steps: probed.steps, accuracy: probed.accuracyAfter }],
  };
  const curves = new AccuracyModel([sample], { hasBatchStatistics: true });
  const { expected, lower, upper } = curves.predict(freezing, microBatch, whole.steps);
  return { ...drift, before, after, predicted: { expected, lower, upper, truth: after.truth } };
}

function isWithin({ lower, upper, truth }: Claim): boolean {
  return lower <= truth && truth <= upper;
}
