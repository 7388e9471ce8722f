import { cpus } from "node:os";
import { type CommandContext, createTable, formatShare } from "@mpo/cli";
import {
  describeConfig,
  formatBytes,
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
  methodNamed,
  type NormName,
  type StepTask,
  stepMemoryFacts,
} from "@mpo/engine";

/** The options of `mpo bench smallest`. */
export interface BenchSmallestOptions {
  readonly models: readonly ModelName[];
  readonly norm: NormName;
  readonly form?: FormName;
  readonly image: number;
  readonly batch: number;
  readonly seed: number;
  readonly threads?: number;
}

const METHOD = "crossEntropy";
const CLASSES = 10;
/** Configs that look smallest are planned exactly, and the smallest of those is run. */
const PLANNED_EXACTLY = 24;

/**
 * How little memory a retraining can do with: for each model the plain step, the smallest joint config of the same
 * effective batch, and the smallest that trains everything, each run once in a process of its own. One step each: memory
 * shows in the first.
 */
export async function benchSmallest(options: BenchSmallestOptions, context: CommandContext): Promise<void> {
  const { terminal, signal, environment } = context;
  const table = createTable(terminal, ["model", "config", "planned", "measured", "of plain"]);
  const { norm } = options;
  for (const name of options.models) {
    const inputShape = [options.image, options.image, 3];
    const graph = buildModel({ model: name, norm, ...given({ form: options.form }), inputShape, classes: CLASSES });
    const { loss, optimizer } = methodNamed(METHOD);
    const task: StepTask = {
      model: { graph, weights: initialWeights(graph, options.seed) },
      training: { loss, optimizer },
      seed: options.seed,
      environment,
      ...given({ threads: options.threads }),
    };
    const chain = chainOf(graph);
    const method = { loss, optimizer };
    const unmeasured = {
      method,
      model: { hasBatchStatistics: false },
      memoryFacts: stepMemoryFacts(chain, method),
      effectiveBatch: options.batch,
    };
    const configs: readonly (readonly [string, RetrainConfig])[] = [
      ["plain", resolveRetrainConfig({ microBatch: options.batch })],
      ["smallest", smallestOf(plannerOf(unmeasured, chain))],
      ["smallest, all trains", smallestOf(plannerOf(unmeasured, chain, { fixedRates: NOTHING_FROZEN }))],
    ];
    let plainBytes = 0;
    for (const [what, config] of configs) {
      terminal.note(`${name}: ${what} ...`);
      const { sample } = await measureStep(task, config, { signal, timedSteps: 0 });
      const measured = sample.peakBytes ?? 0;
      if (plainBytes === 0) plainBytes = measured;
      const share = measured / plainBytes;
      terminal.record({
        event: "smallest",
        model: name,
        norm,
        form: options.form ?? null,
        what,
        config,
        plannedBytes: sample.plannedBytes,
        measuredBytes: measured,
        shareOfPlain: share,
        stepMs: sample.stepMs[0],
        processor: `${cpus().length} x ${cpus()[0]?.model ?? "unknown"}`,
      });
      table.push([
        name,
        `${what}: ${describeConfig(config)}`,
        formatBytes(sample.plannedBytes),
        formatBytes(measured),
        formatShare(share),
      ]);
    }
  }
  terminal.line(table.toString());
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
