import { type CommandContext, createTable, startProgress } from "@mpo/cli";
import { formatBytes, MpoError, median, type RetrainConfig, resolveRetrainConfig, uniformFreezing } from "@mpo/core";
import { createRandom, type Random } from "@mpo/datasets";
import { buildModel, chainOf, initialWeights, type ModelGraph, type ModelName } from "@mpo/engine";
import { measureOwnStep } from "./step-systems.ts";

/** The options of `mpo bench memory`. */
export interface BenchMemoryOptions {
  readonly configs: number;
  readonly image: number;
  readonly seed: number;
  readonly threads?: number;
}

/** Models that take turns, with the micro-batches that their configs are drawn from. */
const SUBJECTS: readonly { readonly model: ModelName; readonly norm: "batch" | "group"; readonly batches: number[] }[] =
  [
    { model: "resnet20", norm: "batch", batches: [64, 128, 256] },
    { model: "mobilenet-v2", norm: "batch", batches: [16, 32, 64] },
    { model: "resnet50", norm: "batch", batches: [16, 32] },
    { model: "densenet121", norm: "batch", batches: [16, 32] },
    { model: "resnet20", norm: "group", batches: [64, 128, 256] },
    { model: "mobilenet-v2", norm: "group", batches: [16, 32, 64] },
  ];
const CLASSES = 10;
const STEPS = 2;
const FREEZE_RATES = [0, 0, 0.2, 0.4];
const MAX_SEGMENTS = 6;
const TOLERANCE = 0.05;

/**
 * Runs random configs of several models, each in a process of its own, and holds the measured peak against what the plan
 * says. Seeded: the same seed draws the same configs.
 */
export async function benchMemory(options: BenchMemoryOptions, context: CommandContext): Promise<void> {
  const { terminal, signal } = context;
  const random = createRandom(options.seed);
  const table = createTable(terminal, ["model", "config", "planned", "measured", "error"]);
  const errors: number[] = [];
  const progress = startProgress(terminal, "measuring", options.configs);
  try {
    for (let index = 0; index < options.configs; index++) {
      signal.throwIfAborted();
      const { model, norm, batches } = SUBJECTS[index % SUBJECTS.length] as (typeof SUBJECTS)[number];
      const graph = buildModel({ model, norm, inputShape: [options.image, options.image, 3], classes: CLASSES });
      const config = drawConfig(random, graph, batches);
      const measured = await measureOwnStep(
        {
          modelName: model,
          norm,
          form: "small",
          image: options.image,
          model: { graph, weights: initialWeights(graph, options.seed) },
          classes: CLASSES,
          config,
          segments: 1,
          freezeRate: 0,
          steps: STEPS,
          seed: options.seed,
          threads: options.threads ?? 2,
        },
        context,
      );
      const plannedBytes = measured.plannedBytes ?? 0;
      const error = plannedBytes / measured.peakGrowthBytes - 1;
      errors.push(Math.abs(error));
      terminal.record({ model, norm, config, plannedBytes, peakGrowthBytes: measured.peakGrowthBytes, error });
      table.push([
        `${model} ${norm}`,
        describe(config),
        formatBytes(plannedBytes),
        formatBytes(measured.peakGrowthBytes),
        `${(100 * error).toFixed(1)} %`,
      ]);
      progress.update(index + 1, `${model} ${(100 * error).toFixed(1)} %`);
    }
  } finally {
    progress.end();
  }
  terminal.line(table.toString());
  const summary = summarise(errors);
  terminal.record(summary);
  terminal.line(
    `${summary.configs} configs: mean error ${percent(summary.meanError)}, median ${percent(summary.medianError)}, ` +
      `95th percentile ${percent(summary.p95Error)}, within 5 %: ${summary.within5Percent}`,
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

function summarise(errors: readonly number[]): {
  readonly configs: number;
  readonly meanError: number;
  readonly medianError: number;
  readonly p95Error: number;
  readonly within5Percent: number;
} {
  if (errors.length === 0) throw new MpoError("invalid-argument", "--configs must be 1 or more");
  const sorted = [...errors].sort((left, right) => left - right);
  return {
    configs: errors.length,
    meanError: errors.reduce((sum, error) => sum + error, 0) / errors.length,
    medianError: median(errors),
    p95Error: sorted[Math.ceil(0.95 * sorted.length) - 1] as number,
    within5Percent: errors.filter((error) => error <= TOLERANCE).length,
  };
}

function describe({ microBatch, accumulation, freezing, checkpoints }: RetrainConfig): string {
  const parts = [`b ${microBatch}`];
  if (accumulation > 1) parts.push(`x ${accumulation}`);
  if (freezing.featureExtraction > 0) parts.push(`frozen ${freezing.featureExtraction}`);
  if (checkpoints.kind === "uniform") parts.push(`${checkpoints.segments} segments`);
  if (checkpoints.kind === "boundaries") parts.push(`checkpoints ${checkpoints.at.join(",")}`);
  return parts.join(", ");
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}
