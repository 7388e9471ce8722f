import type { CommandContext } from "@mpo/cli";
import {
  describeConfig,
  formatBytes,
  formatShare,
  mean,
  median,
  quantile,
  type RetrainConfig,
  resolveRetrainConfig,
  uniformFreezing,
} from "@mpo/core";
import { createRandom, type Random } from "@mpo/datasets";
import { buildModel, chainOf, initialWeights, type ModelGraph, type ModelName, measureStep } from "@mpo/engine";
import { measureEach, printTable } from "../harness.ts";

export interface BenchMemoryOptions {
  readonly configs: number;
  readonly imageSize: number;
  readonly seed: number;
  readonly threads?: number;
}

interface Subject {
  readonly model: ModelName;
  readonly norm: "batch" | "group";
  readonly batches: readonly number[];
}

/** Models that take turns, with the micro-batches that their configs are drawn from. */
const SUBJECTS: readonly Subject[] = [
  { model: "resnet20", norm: "batch", batches: [64, 128, 256] },
  { model: "mobilenet-v2", norm: "batch", batches: [16, 32, 64] },
  { model: "resnet50", norm: "batch", batches: [16, 32] },
  { model: "densenet121", norm: "batch", batches: [16, 32] },
  { model: "resnet20", norm: "group", batches: [64, 128, 256] },
  { model: "mobilenet-v2", norm: "group", batches: [16, 32, 64] },
];
const TRAINING = { loss: "crossEntropy", optimizer: { kind: "sgd" } } as const;
const CLASSES = 10;
const STEPS = 2;
const FREEZE_RATES = [0, 0, 0.2, 0.4];
const MAX_SEGMENTS = 6;
const P95 = 0.95;
const TOLERANCE = 0.05;

/**
 * Runs random configs of several models, each in a process of its own, and compares the measured peak with what the plan
 * says. Seeded: the same seed draws the same configs.
 */
export async function benchMemory(options: BenchMemoryOptions, context: CommandContext): Promise<void> {
  const { terminal, signal, environment } = context;
  const { imageSize, seed, threads = 2 } = options;
  const random = createRandom(seed);
  const items = Array.from({ length: options.configs }, (_, index) => SUBJECTS[index % SUBJECTS.length] as Subject);
  const facts = ({ model, error }: { model: string; error: number }): string => `${model} ${formatShare(error)}`;
  const rows = await measureEach({ title: "measuring", items, facts }, context, async ({ model, norm, batches }) => {
    const graph = buildModel({ model, norm, inputShape: [imageSize, imageSize, 3], classes: CLASSES });
    const config = drawConfig(random, graph, batches);
    const weights = initialWeights(graph, seed);
    const task = { model: { graph, weights }, training: TRAINING, seed, environment, threads };
    const { sample } = await measureStep(task, config, { timedSteps: STEPS, signal });
    const { plannedBytes, peakBytes: peakGrowthBytes = 0 } = sample;
    return { model, norm, config, plannedBytes, peakGrowthBytes, error: plannedBytes / peakGrowthBytes - 1 };
  });
  printTable(
    rows,
    [
      ["model", ({ model, norm }) => `${model} ${norm}`],
      ["config", ({ config }) => describeConfig(config)],
      ["planned", ({ plannedBytes }) => formatBytes(plannedBytes)],
      ["measured", ({ peakGrowthBytes }) => formatBytes(peakGrowthBytes)],
      ["error", ({ error }) => formatShare(error)],
    ],
    terminal,
  );
  const errors = rows.map(({ error }) => Math.abs(error));
  const summary = {
    configs: errors.length,
    meanError: mean(errors),
    medianError: median(errors),
    p95Error: quantile(errors, P95),
    within5Percent: errors.filter((error) => error <= TOLERANCE).length,
  };
  terminal.record(summary);
  terminal.line(
    `${summary.configs} configs: mean error ${formatShare(summary.meanError)}, median ` +
      `${formatShare(summary.medianError)}, 95th percentile ${formatShare(summary.p95Error)}, ` +
      `within 5 %: ${summary.within5Percent}`,
  );
}

/** One config: micro-batch, now and then accumulation and freezing, and every kind of checkpoints. */
function drawConfig(random: Random, graph: ModelGraph, batches: readonly number[]): RetrainConfig {
  const units = chainOf(graph).units.length;
  const pick = <Item>(items: readonly Item[]): Item => items[random.integer(items.length)] as Item;
  const segments = 1 + random.integer(MAX_SEGMENTS);
  const boundaries = Array.from({ length: segments }, () => 1 + random.integer(units - 1));
  return resolveRetrainConfig({
    microBatch: pick(batches),
    accumulation: random.integer(4) === 0 ? 2 : 1,
    freezing: { ...uniformFreezing(pick(FREEZE_RATES)), linear: 0 },
    checkpoints: pick([
      { kind: "none" },
      { kind: "uniform", segments },
      { kind: "boundaries", at: [...new Set(boundaries)].sort((left, right) => left - right) },
    ] as const),
  });
}
