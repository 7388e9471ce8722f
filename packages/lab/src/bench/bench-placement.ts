import { cpus } from "node:os";
import {
  type CommandContext,
  createTable,
  formatShare,
  loadSubject,
  probeHere,
  readProfileDocument,
  type SubjectOptions,
  startProgress,
} from "@mpo/cli";
import {
  type CostModel,
  formatBytes,
  given,
  median,
  PlanCatalogue,
  plannerOf,
  planStep,
  type RetrainConfig,
  residentGrowth,
  resolveRetrainConfig,
  SECOND_MS,
} from "@mpo/core";
import { chainOf, type Model, methodNamed, PreparedStep, type StepTask } from "@mpo/engine";

/** The options of `mpo bench placement`. */
export interface BenchPlacementOptions extends SubjectOptions {
  readonly batch: number;
  readonly levels: number;
  readonly repeats: number;
  readonly budget: number;
  readonly profile?: string;
  readonly threads?: number;
}

/** A placement that was run. */
interface Placed {
  readonly config: RetrainConfig;
  readonly peakBytes: number;
  /** Times of single steps. */
  readonly ms: readonly number[];
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
  const { terminal, signal, environment } = context;
  const model = await loadSubject(options, context);
  const costModel = await costModelOf(model, options, context);
  const { loss, optimizer } = methodNamed(METHOD);
  const task: StepTask = {
    model,
    training: { loss, optimizer },
    seed: options.seed,
    environment,
    ...given({ threads: options.threads }),
  };
  const plain = resolveRetrainConfig({ microBatch: options.batch });
  const levels = levelsOf(costModel, options);
  const table = createTable(terminal, ["segments", "uniform peak", "overhead", "optimal peak", "overhead"]);
  const overheads: { readonly uniform: number; readonly optimal: number }[] = [];
  const progress = startProgress(terminal, "measuring", levels.length);
  try {
    for (const { segments, uniform, optimal } of levels) {
      const runs = await runInTurn(task, [plain, uniform, optimal], options.repeats, signal);
      const [ownPlain, ownUniform, ownOptimal] = runs as [Placed, Placed, Placed];
      const overhead = { uniform: overheadOf(ownUniform, ownPlain), optimal: overheadOf(ownOptimal, ownPlain) };
      overheads.push(overhead);
      terminal.record({
        event: "level",
        segments,
        plain: { peakBytes: ownPlain.peakBytes, ms: median(ownPlain.ms) },
        uniform: { peakBytes: ownUniform.peakBytes, ms: median(ownUniform.ms), overhead: overhead.uniform },
        optimal: { peakBytes: ownOptimal.peakBytes, ms: median(ownOptimal.ms), overhead: overhead.optimal },
      });
      table.push([
        String(segments),
        `${formatBytes(ownUniform.peakBytes)} (${formatShare(ownUniform.peakBytes / ownPlain.peakBytes)})`,
        formatShare(overhead.uniform),
        `${formatBytes(ownOptimal.peakBytes)} (${formatShare(ownOptimal.peakBytes / ownPlain.peakBytes)})`,
        formatShare(overhead.optimal),
      ]);
      progress.update(overheads.length, `${segments} segments`);
    }
  } finally {
    progress.end();
  }
  terminal.line(table.toString());
  const mean = (of: "uniform" | "optimal"): number =>
    overheads.reduce((sum, overhead) => sum + overhead[of], 0) / overheads.length;
  const summary = {
    event: "summary",
    model: model.graph.name,
    batch: options.batch,
    levels: overheads.length,
    uniformOverhead: mean("uniform"),
    optimalOverhead: mean("optimal"),
    ratio: mean("optimal") / mean("uniform"),
    repeats: options.repeats,
    seed: options.seed,
    processor: `${cpus().length} x ${cpus()[0]?.model ?? "unknown"}`,
  };
  terminal.record(summary);
  terminal.line(
    `recomputing costs ${formatShare(summary.uniformOverhead)} of the plain step's time with uniform segments and ` +
      `${formatShare(summary.optimalOverhead)} placed optimally in no more memory: ${summary.ratio.toFixed(2)} times`,
  );
}

/** What units cost on this machine: of a profile, or probed now. */
async function costModelOf(model: Model, options: BenchPlacementOptions, context: CommandContext): Promise<CostModel> {
  if (options.profile !== undefined) {
    const { chain, profile } = await readProfileDocument(options.profile, context);
    return plannerOf(profile, chain).costs;
  }
  context.terminal.note(`probing ${model.graph.name} for ${options.budget / SECOND_MS} s ...`);
  const task = { model, method: METHOD, effectiveBatch: options.batch } as const;
  const profile = await probeHere(task, { maxMs: options.budget }, options, context);
  return plannerOf(profile, chainOf(model.graph)).costs;
}

/** For each number of segments that saves memory: uniform ones, and the fastest optimal placement within their memory. */
function levelsOf(costModel: CostModel, { batch, levels }: BenchPlacementOptions): readonly Level[] {
  const { chain, profile } = costModel;
  const growth = (config: RetrainConfig): number => residentGrowth(planStep(chain, config), profile.memoryFacts);
  const catalogue = new PlanCatalogue(costModel, {}, batch);
  const placed = catalogue
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
    const placed: { readonly config: RetrainConfig; readonly peakBytes: number; readonly ms: number[] }[] = [];
    for (const worker of workers) {
      const { sample } = await worker.measure(0, signal);
      placed.push({ config: worker.config, peakBytes: sample.peakBytes ?? 0, ms: [] });
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
