import type { CommandContext } from "@mpo/cli";
import {
  describeConfig,
  formatBytes,
  formatShare,
  given,
  NOTHING_FROZEN,
  type Planner,
  plannerOf,
  type RetrainConfig,
  resolveRetrainConfig,
} from "@mpo/core";
import {
  buildModel,
  chainOf,
  type FormName,
  initialWeights,
  type ModelName,
  measureStep,
  type NormName,
  stepMemoryFacts,
} from "@mpo/engine";
import { PROCESSOR, printTable, stepTaskOf } from "../harness.ts";

export interface BenchSmallestOptions {
  readonly models: readonly ModelName[];
  readonly norm: NormName;
  readonly form?: FormName;
  readonly imageSize: number;
  readonly batch: number;
  readonly seed: number;
  readonly threads?: number;
}

interface SmallestRow {
  readonly model: string;
  readonly what: string;
  readonly config: RetrainConfig;
  readonly plannedBytes: number;
  readonly measuredBytes: number;
  readonly shareOfPlain: number;
}

const CLASSES = 10;
/** Configs that look smallest are planned exactly, and the smallest of those is run. */
const PLANNED_EXACTLY = 24;

/**
 * How little memory a retraining can do with: for each model the plain step, the smallest joint config of the same
 * effective batch, and the smallest that trains everything, each run once in a process of its own. One step each: memory
 * shows in the first.
 */
export async function benchSmallest(options: BenchSmallestOptions, context: CommandContext): Promise<void> {
  const { terminal, signal } = context;
  const { norm, batch } = options;
  const form = given({ form: options.form });
  const rows: SmallestRow[] = [];
  for (const model of options.models) {
    const graph = buildModel({
      model,
      norm,
      ...form,
      inputShape: [options.imageSize, options.imageSize, 3],
      classes: CLASSES,
    });
    const weights = initialWeights(graph, options.seed);
    const task = stepTaskOf({ graph, weights }, "crossEntropy", options, context);
    const chain = chainOf(graph);
    const memoryFacts = stepMemoryFacts(chain, task.training);
    const unmeasured = {
      ...{ method: task.training, memoryFacts, effectiveBatch: batch },
      model: { hasBatchStatistics: false },
    };
    const configs: readonly (readonly [string, RetrainConfig])[] = [
      ["plain", resolveRetrainConfig({ microBatch: batch })],
      ["smallest", smallestOf(plannerOf(unmeasured, chain))],
      ["smallest, all trains", smallestOf(plannerOf(unmeasured, chain, { fixedRates: NOTHING_FROZEN }))],
    ];
    let plainBytes: number | undefined;
    for (const [what, config] of configs) {
      terminal.note(`${model}: ${what} ...`);
      const { sample } = await measureStep(task, config, { signal, timedSteps: 0 });
      const { plannedBytes, peakBytes: measuredBytes = 0 } = sample;
      plainBytes ??= measuredBytes;
      const row = { model, what, config, plannedBytes, measuredBytes, shareOfPlain: measuredBytes / plainBytes };
      rows.push(row);
      const of = { norm, form: options.form ?? null, stepMs: sample.stepMs[0], processor: PROCESSOR };
      terminal.record({ event: "smallest", ...row, ...of });
    }
  }
  printTable(
    rows,
    [
      ["model", ({ model }) => model],
      ["config", ({ what, config }) => `${what}: ${describeConfig(config)}`],
      ["planned", ({ plannedBytes }) => formatBytes(plannedBytes)],
      ["measured", ({ measuredBytes }) => formatBytes(measuredBytes)],
      ["of plain", ({ shareOfPlain }) => formatShare(shareOfPlain)],
    ],
    terminal,
  );
}

/** The candidate that needs least, planned exactly. */
function smallestOf({ candidates: table }: Planner): RetrainConfig {
  const exact = [...table.byMemory.subarray(0, PLANNED_EXACTLY)].map((candidate) => {
    const plan = table.plan(candidate);
    const microBatch = table.microBatch(candidate);
    return { config: table.config(plan, microBatch), bytes: table.exactMemory(plan, microBatch).expected };
  });
  return exact.reduce((best, other) => (other.bytes < best.bytes ? other : best)).config;
}
