import { mkdtemp, rm } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { type CommandContext, createTable, startProgress } from "@mpo/cli";
import {
  accumulationFor,
  type Checkpoints,
  formatBytes,
  MpoError,
  median,
  resolveRetrainConfig,
  uniformFreezing,
} from "@mpo/core";
import {
  buildModel,
  type FormName,
  initialWeights,
  type ModelName,
  type NormName,
  writeLayersModel,
} from "@mpo/engine";
import {
  measureOwnStep,
  measureTfjsStep,
  measureTorchStep,
  type StepMeasurement,
  type StepTask,
} from "./step-systems.ts";

/** The options of `mpo bench step`. */
export interface BenchStepOptions {
  readonly model: ModelName;
  readonly norm: NormName;
  readonly form: FormName;
  readonly image: number;
  readonly batch: number;
  readonly microBatch?: number;
  readonly segments: number;
  /** For our own step only; the others have no such thing, and keep to `segments`. */
  readonly checkpoints?: readonly number[];
  readonly freezeRate: number;
  readonly steps: number;
  readonly repeats: number;
  readonly seed: number;
  readonly threads?: number;
  readonly peer?: "tfjs";
  readonly torchPython?: string;
}

const CLASSES = 10;
const CHANNELS = 3;

interface System {
  readonly name: string;
  readonly measure: () => Promise<StepMeasurement>;
  /** Knows plain steps only: no micro-batch, checkpoints or freezing. */
  readonly isPlain: boolean;
  /** Ours: it alone keeps chosen units. */
  readonly isOwn?: boolean;
}

/**
 * Measures one training step (SGD, cross-entropy, random images) of our engine and of others. Each measurement has a
 * process of its own; the systems take turns, so that a busy machine disturbs all of them alike; medians are printed.
 * What is measured: time from the batch in memory to the parameters updated; peak resident size above idle; idle, after
 * one step with one sample. Our peak includes the optimizer state, which an idle worker of ours already holds.
 */
export async function benchStep(options: BenchStepOptions, context: CommandContext): Promise<void> {
  const { terminal, signal } = context;
  const task = taskOf(options);
  const folder = await mkdtemp(join(tmpdir(), "mpo-bench-"));
  try {
    const systems = await systemsOf(options, task, folder, context);
    const results = new Map<System, StepMeasurement[]>(systems.map((system) => [system, []]));
    const progress = startProgress(terminal, "measuring", systems.length * options.repeats);
    try {
      let done = 0;
      for (let repeat = 0; repeat < options.repeats; repeat++) {
        for (const system of systems) {
          signal.throwIfAborted();
          const measurement = await system.measure();
          results.get(system)?.push(measurement);
          progress.update(++done, `${system.name} ${measurement.msPerStep.toFixed(1)} ms`);
          terminal.detail(`${system.name}: ${JSON.stringify(measurement)}`);
        }
      }
    } finally {
      progress.end();
    }
    print(systems, results, options, context);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function taskOf(options: BenchStepOptions): StepTask {
  const { batch, microBatch = batch, segments, checkpoints, freezeRate, image } = options;
  if (segments > 1 && checkpoints !== undefined) {
    throw new MpoError("invalid-argument", "--segments and --checkpoints both say what is kept", {
      hint: "Give one of them.",
    });
  }
  const graph = buildModel({
    model: options.model,
    norm: options.norm,
    form: options.form,
    inputShape: [image, image, CHANNELS],
    classes: CLASSES,
  });
  const config = resolveRetrainConfig({
    microBatch,
    accumulation: accumulationFor(batch, microBatch),
    freezing: uniformFreezing(freezeRate),
    checkpoints: checkpointsOf(segments, checkpoints),
  });
  return {
    modelName: options.model,
    norm: options.norm,
    form: options.form,
    image,
    model: { graph, weights: initialWeights(graph, options.seed) },
    classes: CLASSES,
    config,
    segments,
    freezeRate,
    steps: options.steps,
    seed: options.seed,
    threads: options.threads ?? availableParallelism(),
  };
}

/** Not named in the results. */
const DEFAULT_FORM = "small";

function checkpointsOf(segments: number, at: readonly number[] | undefined): Checkpoints {
  if (at !== undefined) return { kind: "boundaries", at };
  return segments > 1 ? { kind: "uniform", segments } : { kind: "none" };
}

async function systemsOf(
  options: BenchStepOptions,
  task: StepTask,
  folder: string,
  context: CommandContext,
): Promise<readonly System[]> {
  const systems: System[] = [
    { name: "mpo", measure: () => measureOwnStep(task, context), isPlain: false, isOwn: true },
  ];
  if (options.peer !== undefined) {
    const modelPath = await writeLayersModel(task.model, folder, { signal: context.signal });
    systems.push({ name: "tfjs", measure: () => measureTfjsStep(task, modelPath, context), isPlain: true });
    if (isSpecial(task)) {
      context.terminal.note(
        "note: TensorFlow.js has no micro-batch, checkpoints or freezing here: it runs the plain step",
      );
    }
  }
  if (options.torchPython !== undefined) {
    const path = options.torchPython;
    const python = path.includes("/") ? resolve(context.workingFolder, path) : path;
    systems.push({ name: "torch", measure: () => measureTorchStep(task, python, context), isPlain: false });
  }
  return systems;
}

function isSpecial({ config, segments, freezeRate }: StepTask): boolean {
  const hasCheckpoints = segments > 1 || config.checkpoints.kind === "boundaries";
  return config.accumulation > 1 || hasCheckpoints || freezeRate > 0;
}

function print(
  systems: readonly System[],
  results: ReadonlyMap<System, readonly StepMeasurement[]>,
  { model, norm, form, batch, image, microBatch = batch, segments, checkpoints, freezeRate }: BenchStepOptions,
  { terminal }: CommandContext,
): void {
  const table = createTable(terminal, ["system", "ms/step", "peak growth", "planned", "idle"]);
  for (const system of systems) {
    const measurements = results.get(system) ?? [];
    const middle = (of: (measurement: StepMeasurement) => number): number => median(measurements.map(of));
    const planned = measurements[0]?.plannedBytes;
    const row = {
      system: system.name,
      model,
      norm,
      ...(form === DEFAULT_FORM ? {} : { form }),
      batch,
      image,
      microBatch: system.isPlain ? batch : microBatch,
      segments: system.isPlain ? 1 : segments,
      ...(system.isOwn && checkpoints !== undefined ? { checkpoints } : {}),
      freezeRate: system.isPlain ? 0 : freezeRate,
      msPerStep: middle(({ msPerStep }) => msPerStep),
      peakGrowthBytes: middle(({ peakGrowthBytes }) => peakGrowthBytes),
      idleBytes: middle(({ idleBytes }) => idleBytes),
      plannedBytes: planned ?? null,
    };
    terminal.record(row);
    table.push([
      row.system,
      row.msPerStep.toFixed(1),
      formatBytes(row.peakGrowthBytes),
      planned === undefined ? "-" : formatBytes(planned),
      formatBytes(row.idleBytes),
    ]);
  }
  terminal.line(table.toString());
}
