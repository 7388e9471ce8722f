import { type CommandContext, loadSubject, probeHere, readProfileDocument, type SubjectOptions } from "@mpo/cli";
import {
  type CostModel,
  formatBytes,
  formatShare,
  mean,
  median,
  plannerOf,
  planStep,
  type RetrainConfig,
  residentGrowth,
  resolveRetrainConfig,
  SECOND_MS,
} from "@mpo/core";
import { chainOf, type Model, PreparedStep, type StepTask } from "@mpo/engine";
import { measureEach, PROCESSOR, printTable, stepTaskOf } from "../harness.ts";

export interface BenchPlacementOptions extends SubjectOptions {
  readonly batch: number;
  readonly levels: number;
  readonly repeats: number;
  readonly probeTime: number;
  readonly profile?: string;
  readonly threads?: number;
}

interface Placed {
  readonly peakBytes: number;
  /** Times of single steps. */
  readonly ms: number[];
}

/** Uniform segments, and the optimal placement that needs no more. */
interface Level {
  readonly segments: number;
  readonly uniform: RetrainConfig;
  readonly optimal: RetrainConfig;
}

const METHOD = "crossEntropy";
const MOST_SEGMENTS = 12;
/** A level is worth measuring when it needs less than this share of the one before. */
const LEVEL_SHARE = 0.97;

/**
 * Runs one model with uniform segments and, at no more planned memory, with optimally placed checkpoints, and the plain
 * step beside them. All of a level are loaded at the same time and take turns step by step, so that a busy moment
 * disturbs all alike.
 */
export async function benchPlacement(options: BenchPlacementOptions, context: CommandContext): Promise<void> {
  const { terminal, signal } = context;
  const model = await loadSubject(options, context);
  const costModel = await costModelOf(model, options, context);
  const task = stepTaskOf(model, METHOD, options, context);
  const plain = resolveRetrainConfig({ microBatch: options.batch });
  const items = levelsOf(costModel, options);
  const facts = ({ segments }: { segments: number }): string => `${segments} segments`;
  const rows = await measureEach({ title: "measuring", items, facts }, context, async (level) => {
    const configs = [plain, level.uniform, level.optimal];
    const runs = await runInTurn(task, configs, options.repeats, signal);
    const [plainRun, uniformRun, optimalRun] = runs as [Placed, Placed, Placed];
    const figures = ({ peakBytes, ms }: Placed) => ({ peakBytes, ms: median(ms) });
    const beside = (run: Placed) => ({ ...figures(run), overhead: overheadOf(run, plainRun) });
    const [uniform, optimal] = [beside(uniformRun), beside(optimalRun)];
    return { event: "level", segments: level.segments, plain: figures(plainRun), uniform, optimal };
  });
  type Row = (typeof rows)[number];
  const peakOf = (which: "uniform" | "optimal") => (row: Row) =>
    `${formatBytes(row[which].peakBytes)} (${formatShare(row[which].peakBytes / row.plain.peakBytes)})`;
  printTable(
    rows,
    [
      ["segments", ({ segments }) => segments],
      ["uniform peak", peakOf("uniform")],
      ["overhead", ({ uniform }) => formatShare(uniform.overhead)],
      ["optimal peak", peakOf("optimal")],
      ["overhead", ({ optimal }) => formatShare(optimal.overhead)],
    ],
    terminal,
  );
  const uniformOverhead = mean(rows.map(({ uniform }) => uniform.overhead));
  const optimalOverhead = mean(rows.map(({ optimal }) => optimal.overhead));
  const summary = {
    event: "summary",
    model: model.graph.name,
    batch: options.batch,
    levels: rows.length,
    uniformOverhead,
    optimalOverhead,
    ratio: optimalOverhead / uniformOverhead,
    repeats: options.repeats,
    seed: options.seed,
    processor: PROCESSOR,
  };
  terminal.record(summary);
  terminal.line(
    `recomputing costs ${formatShare(uniformOverhead)} of the plain step's time with uniform segments and ` +
      `${formatShare(optimalOverhead)} placed optimally in no more memory: ${summary.ratio.toFixed(2)} times`,
  );
}

/** What units cost on this machine: of a profile, or probed now. */
async function costModelOf(model: Model, options: BenchPlacementOptions, context: CommandContext): Promise<CostModel> {
  if (options.profile !== undefined) {
    const { chain, profile } = await readProfileDocument(options.profile, context);
    return plannerOf(profile, chain).costs;
  }
  context.terminal.note(`probing ${model.graph.name} for ${options.probeTime / SECOND_MS} s ...`);
  const task = { model, method: METHOD, effectiveBatch: options.batch } as const;
  const profile = await probeHere(task, { maxMs: options.probeTime }, options, context);
  return plannerOf(profile, chainOf(model.graph)).costs;
}

/** For each number of segments that saves memory: uniform ones, and the fastest optimal placement within their memory. */
function levelsOf(costModel: CostModel, { batch, levels }: BenchPlacementOptions): readonly Level[] {
  const { chain, profile } = costModel;
  const growth = (config: RetrainConfig): number => residentGrowth(planStep(chain, config), profile.memoryFacts);
  const placed = costModel
    .catalogue({}, batch)
    .placements(0)
    .map(({ checkpoints }) => resolveRetrainConfig({ microBatch: batch, checkpoints }))
    .map((config) => ({ config, bytes: growth(config), ms: costModel.predict(config).stepMs.expected }))
    .sort((left, right) => left.ms - right.ms);
  const found: Level[] = [];
  let least = growth(resolveRetrainConfig({ microBatch: batch }));
  for (let segments = 2; segments <= Math.min(MOST_SEGMENTS, chain.units.length); segments++) {
    const uniform = resolveRetrainConfig({ microBatch: batch, checkpoints: { kind: "uniform", segments } });
    const bytes = growth(uniform);
    const optimal = placed.find((placement) => placement.bytes <= bytes);
    if (bytes > LEVEL_SHARE * least || optimal === undefined) continue;
    least = bytes;
    found.push({ segments, uniform, optimal: optimal.config });
  }
  return found.slice(0, levels);
}

/** Steps of each config in turn, each in a process of its own; the first one of each is not timed. */
async function runInTurn(
  task: StepTask,
  configs: readonly RetrainConfig[],
  repeats: number,
  signal: AbortSignal,
): Promise<readonly Placed[]> {
  const workers: PreparedStep[] = [];
  try {
    for (const config of configs) workers.push(await PreparedStep.start(task, config, signal));
    const placed: Placed[] = [];
    for (const worker of workers) {
      const { sample } = await worker.measure(0, signal);
      placed.push({ peakBytes: sample.peakBytes ?? 0, ms: [] });
    }
    for (let repeat = 0; repeat < repeats; repeat++) {
      for (const [index, worker] of workers.entries()) {
        const { sample } = await worker.measure(0, signal);
        placed[index]?.ms.push(...sample.stepMs);
      }
    }
    return placed;
  } finally {
    for (const worker of workers) await worker[Symbol.asyncDispose]();
  }
}

/** Time beyond the plain step's, as a share of it: the median over turns, each against the plain step of its own turn. */
function overheadOf(placed: Placed, plain: Placed): number {
  return median(placed.ms.map((ms, turn) => ms / (plain.ms[turn] as number))) - 1;
}
