import { cpus } from "node:os";
import {
  type CommandContext,
  checkOutput,
  createTable,
  formatShare,
  loadSubject,
  probeHere,
  type SubjectOptions,
  startProgress,
  writeProfileDocument,
} from "@mpo/cli";
import {
  type CostModel,
  describeConfig,
  formatBytes,
  given,
  type MethodName,
  type Profile,
  plannerOf,
  quantile,
  SECOND_MS,
} from "@mpo/core";
import { chainOf, methodNamed, type StepTask } from "@mpo/engine";
import { drawConfigs } from "./draw-configs.ts";
import { MachineSpeed } from "./machine-speed.ts";
import { type EmulationRow, runUnderBound } from "./run-under-bound.ts";

/** The options of `mpo bench emulation`. */
export interface BenchEmulationOptions extends SubjectOptions {
  readonly batch: number;
  readonly method: MethodName;
  readonly configs: number;
  readonly budget: number;
  readonly threads?: number;
  /** Where the profile is kept, to look at what was off. */
  readonly output?: string;
}

/** A config that was run, and how the machine was then. */
interface BenchRow extends EmulationRow {
  /** Time of one and the same step beside this row, over its time when the model was probed. */
  readonly machineFactor: number;
}

const P95 = 0.95;
const LARGE_BYTES = 20 * 2 ** 20;

/**
 * Probes a model once; then draws seeded configs from the whole space, none of them probed, predicts each and runs it
 * twice, in processes of their own: freely, and with the upper bound of its memory as the allocator's hard limit.
 */
export async function benchEmulation(options: BenchEmulationOptions, context: CommandContext): Promise<void> {
  const { terminal, signal, environment } = context;
  const { method } = options;
  if (options.output !== undefined) await checkOutput("--output", options.output, context.workingFolder);
  const model = await loadSubject(options, context);
  const { loss, optimizer } = methodNamed(method);
  const task: StepTask = {
    model,
    training: { loss, optimizer },
    seed: options.seed,
    environment,
    ...given({ threads: options.threads }),
  };
  await using speed = await MachineSpeed.start(task, options.batch, signal);
  terminal.note(`probing ${model.graph.name} for ${options.budget / SECOND_MS} s ...`);
  const beforeMs = await speed.look(signal);
  const profile = await probeHere(
    { model, method, effectiveBatch: options.batch },
    { maxMs: options.budget },
    options,
    context,
  );
  let lastMs = await speed.look(signal);
  const probedMs = (beforeMs + lastMs) / 2;
  if (options.output !== undefined) {
    await writeProfileDocument(options.output, { profile, graph: model.graph }, context);
  }
  terminal.record({ event: "probed", spent: profile.spent });
  const planner = plannerOf(profile, chainOf(model.graph));
  const configs = drawConfigs(planner, options);
  const rows: BenchRow[] = [];
  const progress = startProgress(terminal, "running", configs.length);
  try {
    for (const config of configs) {
      const emulated = await runUnderBound(task, planner.costs, config, signal);
      const nowMs = await speed.look(signal);
      const row = { ...emulated, machineFactor: (lastMs + nowMs) / 2 / probedMs };
      lastMs = nowMs;
      rows.push(row);
      terminal.record({ event: "config", ...row });
      progress.update(rows.length, `${formatShare(row.memoryError)} memory, ${formatShare(row.timeError)} time`);
    }
  } finally {
    progress.end();
  }
  print(rows, profile, planner.costs, options, context);
}

function print(
  rows: readonly BenchRow[],
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
  const ofLarge = rows.flatMap((row) => (row.measuredBytes >= LARGE_BYTES ? [row.memoryError] : []));
  const processErrors = rows.map(
    ({ predicted, measuredBytes }) =>
      Math.abs(predicted.memoryBytes.expected - measuredBytes) / (profile.idleBytes + measuredBytes),
  );
  const time = rows.map(({ timeError }) => timeError);
  const steady = rows.map(({ predicted, measuredMs, machineFactor }) => {
    return Math.abs((predicted.stepMs.expected * machineFactor) / measuredMs - 1);
  });
  const factors = rows.map(({ machineFactor }) => machineFactor);
  const plainBytes = costModel.predict({ microBatch: options.batch }).memoryBytes.expected;
  const summary = {
    event: "summary",
    model: profile.model.name,
    batch: options.batch,
    memoryMape: mean(memory),
    memoryP95: quantile(memory, P95),
    // Of the steps that are worth a limit of their own: of a megabyte or two, noise is a good part.
    ...(ofLarge.length === 0 ? {} : { largeMemoryMape: mean(ofLarge), largeMemoryP95: quantile(ofLarge, P95) }),
    largeConfigs: ofLarge.length,
    // Of the whole process, idle part included: what a limit of a container or a device sees.
    processMemoryMape: mean(processErrors),
    processMemoryP95: quantile(processErrors, P95),
    timeMape: mean(time),
    timeP95: quantile(time, P95),
    // Had the machine been as fast as when the model was probed.
    steadyTimeMape: mean(steady),
    steadyTimeP95: quantile(steady, P95),
    machineFactor: { least: Math.min(...factors), mean: mean(factors), most: Math.max(...factors) },
    // How far two runs of one config lie apart: about the least error that any prediction could show here.
    timeSpread: mean(rows.flatMap(({ timeSpread }) => timeSpread ?? [])),
    oomRate: mean(rows.map(({ isOverBound }) => Number(isOverBound))),
    // Of the plain step's memory, what a limit at the bound leaves to others (xMem's measure); nothing where it broke.
    conservedMemory: mean(
      rows.map(({ isOverBound, predicted }) => (isOverBound ? 0 : 1 - predicted.memoryBytes.upper / plainBytes)),
    ),
    probeSeconds: profile.spent.ms / SECOND_MS,
    // Above a few hundredths, the times of this run say more of the machine's other work than of the predictions.
    othersCpuShare: mean(rows.map(({ othersCpuShare = 0 }) => othersCpuShare)),
    configs: rows.length,
    seed: options.seed,
    processor: `${cpus().length} x ${cpus()[0]?.model ?? "unknown"}`,
  };
  terminal.record(summary);
  terminal.line(
    `${rows.length} configs never probed: memory off by ${formatShare(summary.memoryMape)} on average ` +
      `(95th percentile ${formatShare(summary.memoryP95)}), of the whole process by ` +
      `${formatShare(summary.processMemoryMape)} (${formatShare(summary.processMemoryP95)}), time by ${formatShare(summary.timeMape)} ` +
      `(${formatShare(summary.timeP95)}; had the machine stayed as fast as when it was probed, ${formatShare(summary.steadyTimeMape)} and ` +
      `${formatShare(summary.steadyTimeP95)}; two runs of one config differ by ${formatShare(summary.timeSpread)}); ` +
      `${formatShare(summary.oomRate)} broke their bound; ` +
      `probing took ${summary.probeSeconds.toFixed(1)} s`,
  );
}
