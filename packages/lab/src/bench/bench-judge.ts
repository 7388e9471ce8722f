import { resolve } from "node:path";
import {
  type CommandContext,
  type DatasetOptions,
  damageOptions,
  driftedSamples,
  type FrostOptions,
  loadModel,
  loadTestImages,
} from "@mpo/cli";
import {
  AccuracyModel,
  formatPoints,
  formatShare,
  given,
  judgedInterval,
  type MethodName,
  MpoError,
  mean,
  type RetrainConfig,
  resolveRetrainConfig,
  uniformFreezing,
} from "@mpo/core";
import { CORRUPTION_NAMES, type CorruptionName, createRandom } from "@mpo/datasets";
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
  readonly judgeSamples: number;
  readonly seed: number;
  readonly threads?: number;
}

/** A window such as devices run. */
interface DrawnWindow {
  readonly corruption: CorruptionName;
  readonly severity: number;
  readonly samples: number;
  readonly epochs: number;
  readonly config: RetrainConfig;
}

/** What a device says of an accuracy, and what labels say. */
interface Claim {
  readonly expected: number;
  readonly lower: number;
  readonly upper: number;
  readonly truth: number;
}

/** Before a window, after it, and predicted of it from a look after its first steps. */
const KINDS = ["before", "after", "predicted"] as const;

type JudgedWindow = DrawnWindow & Record<(typeof KINDS)[number], Claim>;

/** What windows are drawn from: an agent waits for 256 inputs, takes steps of 64, and searches the rest. */
const DRAWN = {
  samples: [256, 256, 512, 1024],
  steps: [4, 12, 32],
  microBatch: [16, 32, 64],
  frozen: [0, 0, 0.1, 0.5],
};
const BATCH = 64;
/** What a probe reads, and trains before it looks. */
const PROBED = { samples: 256, steps: 4 };

/**
 * Holds estimates without labels, and what is predicted from them, against labels, in windows as devices run them for each
 * of the 15 corruptions: judged on the very images that were trained on, where labels judge on others. An interval that
 * means something holds the truth in 9 of 10.
 */
export async function benchJudge(options: BenchJudgeOptions, context: CommandContext): Promise<void> {
  const { terminal, signal, workingFolder } = context;
  const path = resolve(workingFolder, options.weights);
  const damage = await damageOptions(CORRUPTION_NAMES, options, context);
  const model = await loadModel(path, signal);
  const test = await loadTestImages(options, model, path, context);
  const rows = await measureEach<DrawnWindow, JudgedWindow>(
    {
      title: "judging",
      items: drawWindows(options),
      facts: ({ corruption, after }) =>
        `${corruption}: ${formatShare(after.expected)}, by labels ${formatShare(after.truth)}`,
    },
    context,
    async (window) =>
      await judgeWindow(window, model, await driftedSamples(test, { ...options, ...window }, damage), options, context),
  );
  const cell = (claims: readonly Claim[]): string =>
    [
      `${claims.filter(isWithin).length}/${claims.length}`,
      formatPoints(mean(claims.map(({ expected, truth }) => expected - truth))),
      (100 * mean(claims.map(({ lower, upper }) => upper - lower))).toFixed(1),
    ].join(" ");
  const isOf = (name: string) => (row: JudgedWindow) => name === "all" || name === row.corruption;
  const columns: Columns<string> = [
    ["corruption", (name) => name],
    ...KINDS.map((kind): Columns<string>[number] => [
      kind,
      (name) => cell(rows.filter(isOf(name)).map((row) => row[kind])),
    ]),
  ];
  terminal.line("Truth in the interval, estimate minus truth, width of the interval (in points):");
  printTable([...CORRUPTION_NAMES, "all"], columns, terminal);
}

function drawWindows({ severities, seed }: BenchJudgeOptions): readonly DrawnWindow[] {
  const random = createRandom(seed);
  const pick = (from: readonly number[]): number => from[random.integer(from.length)] as number;
  return severities.flatMap((severity) =>
    CORRUPTION_NAMES.map((corruption): DrawnWindow => {
      const [samples, microBatch] = [pick(DRAWN.samples), pick(DRAWN.microBatch)];
      const freezing = { ...uniformFreezing(pick(DRAWN.frozen)), linear: 0 };
      const config = resolveRetrainConfig({ microBatch, accumulation: BATCH / microBatch, freezing });
      const epochs = Math.max(1, Math.round((pick(DRAWN.steps) * BATCH) / samples));
      return { corruption, severity, samples, epochs, config };
    }),
  );
}

async function judgeWindow(
  drawn: DrawnWindow,
  model: Model,
  { adapted: { images, count }, judged }: Awaited<ReturnType<typeof driftedSamples>>,
  { method, seed, threads }: BenchJudgeOptions,
  { environment, signal }: CommandContext,
): Promise<JudgedWindow> {
  const { config } = drawn;
  const { freezing, microBatch } = config;
  await using worker = await EngineWorker.start({ environment, ...given({ threads }) }, { signal });
  const window = async (
    size: number,
    epochs: number,
  ): Promise<Pick<RetrainResult, "steps" | "weights"> & LabelFreeEstimate & { readonly judgedSamples: number }> => {
    const samples = firstSamples({ images, count }, size);
    const { steps, weights } = await retrain(worker, { model, samples, method, config, epochs, seed }, { signal });
    const estimate = await labelFreeEstimate({ worker, model, weights, judgedOn: samples, microBatch, signal });
    if (estimate === undefined)
      throw new MpoError("unsupported", "this model's accuracy cannot be estimated without labels");
    return { steps, weights, ...estimate, judgedSamples: samples.count };
  };
  const probed = await window(PROBED.samples, (PROBED.steps * BATCH) / PROBED.samples);
  const whole = await window(count, drawn.epochs);
  const claim = async (weights: Model["weights"], expected: number): Promise<Claim> => {
    const truth = await accuracyWith(worker, weights, judged, signal);
    return { expected, ...judgedInterval(expected, "label-free", whole.judgedSamples), truth };
  };
  const before = await claim(model.weights, whole.accuracyBefore);
  const after = await claim(whole.weights, whole.accuracyAfter);
  const sample = {
    ...{ freezing, microBatch, judge: "label-free" as const, judgedSamples: probed.judgedSamples },
    startAccuracy: probed.accuracyBefore,
    points: [{ steps: probed.steps, accuracy: probed.accuracyAfter }],
  };
  const curves = new AccuracyModel([sample], { hasBatchStatistics: true });
  const { expected, lower, upper } = curves.predict(freezing, microBatch, whole.steps);
  return { ...drawn, before, after, predicted: { expected, lower, upper, truth: after.truth } };
}

function isWithin({ lower, upper, truth }: Claim): boolean {
  return lower <= truth && truth <= upper;
}
