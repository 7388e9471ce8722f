import {
  CostModel,
  describeConfig,
  MpoError,
  PlanCatalogue,
  type Profile,
  quantile,
  type RetrainConfig,
  resolveRetrainConfig,
  type StepPrediction,
  typical,
} from "@mpo/core";
import { createRandom, type Random } from "@mpo/datasets";
import { adaptationMethod, chainOf, measureStep, poolCapFor, probe, type StepTask, timedStepsFor } from "@mpo/engine";
import { formatBytes, formatShare } from "../output/format.ts";
import { startProgress } from "../output/progress.ts";
import { createTable } from "../output/table.ts";
import { deviceFacts } from "../planning/device-facts.ts";
import { fixedRatesOf, loadSubject, methodNamed, type SubjectOptions } from "../planning/subject.ts";
import type { CommandContext } from "../run-cli.ts";

/** The options of `mpo bench emulation`. */
export interface BenchEmulationOptions extends SubjectOptions {
  readonly batch: number;
  readonly method: string;
  readonly configs: number;
  readonly budget: number;
  readonly threads?: number;
}

/** One config that was predicted, run, and run again under its own bound. */
interface EmulationRow {
  readonly config: RetrainConfig;
  readonly predicted: StepPrediction;
  readonly measuredBytes: number;
  readonly measuredMs: number;
  readonly memoryError: number;
  readonly timeError: number;
  /** It did not get by with its bound: the allocator refused, or the process grew by more. */
  readonly isOverBound: boolean;
}

const MS = 1000;
const P95 = 0.95;

/**
 * Probes a model once; then draws seeded configs from the whole space, none of them probed, predicts each and runs it in
 * a process of its own; then runs it again with the upper bound of its memory as the allocator's hard limit.
 */
export async function benchEmulation(options: BenchEmulationOptions, context: CommandContext): Promise<void> {
  const { terminal, signal, environment } = context;
  const method = methodNamed(options.method);
  const model = await loadSubject(options, context);
  const threads = options.threads === undefined ? {} : { threads: options.threads };
  terminal.note(`probing ${model.graph.name} for ${options.budget / MS} s ...`);
  const profile = await probe(
    { model, method, effectiveBatch: options.batch, device: deviceFacts() },
    { maxMs: options.budget },
    { environment, signal, seed: options.seed, ...threads },
  );
  terminal.record({ event: "probed", spent: profile.spent });
  const costModel = new CostModel(chainOf(model.graph), profile);
  const configs = drawConfigs(costModel, options);
  const { loss, optimizer } = adaptationMethod(method);
  const task: StepTask = { model, training: { loss, optimizer }, seed: options.seed, environment, ...threads };
  const rows: EmulationRow[] = [];
  const progress = startProgress(terminal, "running", configs.length);
  try {
    for (const config of configs) {
      signal.throwIfAborted();
      const row = await runConfig(task, costModel, config, signal);
      rows.push(row);
      terminal.record({ event: "config", ...row });
      progress.update(rows.length, `${formatShare(row.memoryError)} memory, ${formatShare(row.timeError)} time`);
    }
  } finally {
    progress.end();
  }
  print(rows, profile, costModel, options, context);
}

async function runConfig(
  task: StepTask,
  costModel: CostModel,
  config: RetrainConfig,
  signal: AbortSignal,
): Promise<EmulationRow> {
  const predicted = costModel.predict(config);
  const { memoryBytes, stepMs } = predicted;
  const { sample } = await measureStep(task, config, { signal, timedSteps: timedStepsFor(stepMs.expected) });
  const measuredBytes = sample.measuredPeakBytes ?? 0;
  const measuredMs = typical(sample.msPerStep);
  const { memoryFacts } = costModel.profile;
  const memoryCapBytes = poolCapFor(task.model.graph, config, memoryFacts, memoryBytes.upper);
  return {
    config,
    predicted,
    measuredBytes,
    measuredMs,
    memoryError: Math.abs(memoryBytes.expected / measuredBytes - 1),
    timeError: Math.abs(stepMs.expected / measuredMs - 1),
    isOverBound: await breaksBound({ ...task, memoryCapBytes }, config, memoryBytes.upper, signal),
  };
}

/** Runs one step under the limit. */
async function breaksBound(
  task: StepTask,
  config: RetrainConfig,
  upperBytes: number,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    const { sample } = await measureStep(task, config, { signal, timedSteps: 0 });
    return (sample.measuredPeakBytes ?? 0) > upperBytes;
  } catch (error) {
    if (error instanceof MpoError && error.code === "over-memory-cap") return true;
    throw error;
  }
}

/** Seeded configs from all that a search could choose, none of which was probed. */
function drawConfigs(costModel: CostModel, options: BenchEmulationOptions): readonly RetrainConfig[] {
  const random = createRandom(options.seed);
  const catalogue = new PlanCatalogue(costModel, fixedRatesOf(methodNamed(options.method)));
  const probed = new Set(costModel.profile.steps.map(({ config }) => JSON.stringify(config)));
  const configs = new Map<string, RetrainConfig>();
  for (let tries = 0; configs.size < options.configs && tries < 100 * options.configs; tries++) {
    const config = drawConfig(random, catalogue, costModel.chain.units.length, options.batch);
    const key = JSON.stringify(config);
    if (!probed.has(key)) configs.set(key, config);
  }
  return [...configs.values()];
}

function drawConfig(random: Random, catalogue: PlanCatalogue, units: number, batch: number): RetrainConfig {
  const pick = <Item>(items: readonly Item[]): Item => items[random.integer(items.length)] as Item;
  const sizes: number[] = [];
  for (let size = 1; size <= batch; size *= 2) if (batch % size === 0) sizes.push(size);
  const microBatch = pick(sizes);
  const choice = random.integer(catalogue.choices.length);
  const { rates } = catalogue.choices[choice] as (typeof catalogue.choices)[number];
  const segments = 2 + random.integer(Math.max(1, Math.min(8, units - 1)));
  const checkpoints = pick<() => RetrainConfig["checkpoints"]>([
    () => ({ kind: "none" }),
    () => ({ kind: "uniform", segments }),
    () => pick(catalogue.placements(choice)).checkpoints,
  ])();
  return resolveRetrainConfig({ microBatch, accumulation: batch / microBatch, freezing: rates, checkpoints });
}

function print(
  rows: readonly EmulationRow[],
  profile: Profile,
  costModel: CostModel,
  options: BenchEmulationOptions,
  { terminal }: CommandContext,
): void {
  const table = createTable(terminal, ["config", "memory", "measured", "bound", "ms", "measured", "held"]);
  for (const { config, predicted, measuredBytes, measuredMs, isOverBound } of rows) {
    table.push([
      describeConfig(config),
      formatBytes(predicted.memoryBytes.expected),
      formatBytes(measuredBytes),
      formatBytes(predicted.memoryBytes.upper),
      predicted.stepMs.expected.toFixed(1),
      measuredMs.toFixed(1),
      isOverBound ? "no" : "yes",
    ]);
  }
  terminal.line(table.toString());
  const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  const memory = rows.map(({ memoryError }) => memoryError);
  const time = rows.map(({ timeError }) => timeError);
  const plainBytes = costModel.predict({ microBatch: options.batch }).memoryBytes.expected;
  const summary = {
    event: "summary",
    model: profile.model.name,
    batch: options.batch,
    memoryMape: mean(memory),
    memoryP95: quantile(memory, P95),
    timeMape: mean(time),
    timeP95: quantile(time, P95),
    oomRate: mean(rows.map(({ isOverBound }) => Number(isOverBound))),
    // Of the plain step's memory, what a limit at the bound leaves to others (xMem's measure); nothing where it broke.
    conservedMemory: mean(
      rows.map(({ isOverBound, predicted }) => (isOverBound ? 0 : 1 - predicted.memoryBytes.upper / plainBytes)),
    ),
    probeSeconds: profile.spent.ms / MS,
    configs: rows.length,
    seed: options.seed,
  };
  terminal.record(summary);
  terminal.line(
    `${rows.length} configs never probed: memory off by ${formatShare(summary.memoryMape)} on average ` +
      `(95th percentile ${formatShare(summary.memoryP95)}), time by ${formatShare(summary.timeMape)} ` +
      `(${formatShare(summary.timeP95)}); ${formatShare(summary.oomRate)} broke their bound; ` +
      `probing took ${summary.probeSeconds.toFixed(1)} s`,
  );
}
