import {
  type CommandContext,
  checkOutput,
  type ForceOption,
  loadSubject,
  probeHere,
  type SubjectOptions,
  withNormsOf,
  writeProfileDocument,
} from "@mpo/cli";
import {
  type CostModel,
  describeConfig,
  formatBytes,
  formatShare,
  type MethodName,
  mean,
  type Profile,
  plannerOf,
  quantile,
  SECOND_MS,
} from "@mpo/core";
import { chainOf } from "@mpo/engine";
import { measureEach, PROCESSOR, printTable, stepTaskOf } from "../harness.ts";
import { drawConfigs } from "./draw-configs.ts";
import { referenceStep, timeNow } from "./machine-speed.ts";
import { type EmulationRow, runUnderBound } from "./run-under-bound.ts";

/** The options of `mpo bench emulation`. */
export interface BenchEmulationOptions extends SubjectOptions, ForceOption {
  readonly batch: number;
  readonly method: MethodName;
  readonly configs: number;
  readonly probeTime: number;
  readonly threads?: number;
  /** Where the profile is kept, to look at what was off. */
  readonly output?: string;
}

/** A config that was run, and how the machine was then. */
interface BenchRow extends EmulationRow {
  /** Time of a reference step measured with this row, over its time when the model was probed. */
  readonly machineFactor: number;
}

const P95 = 0.95;
const LARGE_BYTES = 20 * 2 ** 20;

/**
 * Probes a model once; then draws seeded configs from the whole space, none of them probed, predicts each and runs it
 * twice, in processes of their own: freely, and with the upper bound of its memory as the allocator's hard limit.
 */
export async function benchEmulation(options: BenchEmulationOptions, context: CommandContext): Promise<void> {
  const { terminal, signal } = context;
  const { method, output } = options;
  if (output !== undefined) await checkOutput("--output", output, { ...context, ...options });
  const model = await withNormsOf(await loadSubject(options, context), method, undefined, context);
  const task = stepTaskOf(model, method, options, context);
  await using reference = await referenceStep(task, options.batch, signal);
  terminal.note(`probing ${model.graph.name} for ${options.probeTime / SECOND_MS} s ...`);
  const beforeMs = await timeNow(reference, signal);
  const probeTask = { model, method, effectiveBatch: options.batch };
  const profile = await probeHere(probeTask, { maxMs: options.probeTime }, options, context);
  let lastMs = await timeNow(reference, signal);
  const probedMs = (beforeMs + lastMs) / 2;
  if (output !== undefined) await writeProfileDocument(output, { profile, graph: model.graph }, context);
  terminal.record({ event: "probed", spent: profile.spent });
  const planner = plannerOf(profile, chainOf(model.graph));
  const items = drawConfigs(planner, options);
  const facts = ({ memoryError, timeError }: BenchRow): string =>
    `${formatShare(memoryError)} memory, ${formatShare(timeError)} time`;
  const rows = await measureEach({ title: "running", items, facts }, context, async (config) => {
    const emulated = await runUnderBound(task, planner.costs, config, signal);
    const besideMs = [lastMs, await timeNow(reference, signal)] as const;
    lastMs = besideMs[1];
    return { event: "config", ...emulated, machineFactor: mean(besideMs) / probedMs };
  });
  print(rows, profile, planner.costs, options, context);
}

function print(
  rows: readonly BenchRow[],
  profile: Profile,
  costs: CostModel,
  options: BenchEmulationOptions,
  { terminal }: CommandContext,
): void {
  printTable(
    rows,
    [
      ["config", ({ config }) => describeConfig(config)],
      ["memory", ({ predicted }) => formatBytes(predicted.memoryBytes.expected)],
      ["measured", ({ measuredBytes }) => formatBytes(measuredBytes)],
      ["bound", ({ predicted }) => formatBytes(predicted.memoryBytes.upper)],
      ["ms", ({ predicted }) => predicted.stepMs.expected.toFixed(1)],
      ["measured", ({ measuredMs }) => measuredMs.toFixed(1)],
      ["held", ({ isOverBound }) => (isOverBound ? "no" : "yes")],
    ],
    terminal,
  );
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
  const plainBytes = costs.predict({ microBatch: options.batch }).memoryBytes.expected;
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
    processor: PROCESSOR,
  };
  terminal.record(summary);
  terminal.line(
    `${rows.length} configs never probed: memory off by ${formatShare(summary.memoryMape)} on average ` +
      `(95th percentile ${formatShare(summary.memoryP95)}), of the whole process by ` +
      `${formatShare(summary.processMemoryMape)} (${formatShare(summary.processMemoryP95)}), time by ${formatShare(summary.timeMape)} ` +
      `(${formatShare(summary.timeP95)}; at the machine's speed during the probe, ${formatShare(summary.steadyTimeMape)} and ` +
      `${formatShare(summary.steadyTimeP95)}; two runs of one config differ by ${formatShare(summary.timeSpread)}); ` +
      `${formatShare(summary.oomRate)} exceeded their bound; ` +
      `probing took ${summary.probeSeconds.toFixed(1)} s`,
  );
}
