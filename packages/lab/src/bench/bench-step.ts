import { mkdtemp, rm } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { CommandContext } from "@mpo/cli";
import {
  accumulationFor,
  type Checkpoints,
  formatBytes,
  given,
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
import { printTable, withProgress } from "../harness.ts";
import {
  CHANNELS,
  CLASSES,
  measureOwnStep,
  measureTfjsStep,
  measureTorchStep,
  type StepMeasurement,
  type StepTask,
} from "./step-systems.ts";

export interface BenchStepOptions {
  readonly model: ModelName;
  readonly norm: NormName;
  readonly form: FormName;
  readonly imageSize: number;
  readonly batch: number;
  readonly microBatch?: number;
  readonly segments: number;
  /** For our own step only; the others have no such thing, and keep to `segments`. */
  readonly checkpoints?: readonly number[];
  readonly freeze: number;
  readonly steps: number;
  readonly repeats: number;
  readonly seed: number;
  readonly threads?: number;
  readonly peer?: "tfjs";
  readonly torchPython?: string;
}

interface System {
  readonly name: "mpo" | "tfjs" | "torch";
  readonly measure: () => Promise<StepMeasurement>;
  readonly results: StepMeasurement[];
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
    const total = systems.length * options.repeats;
    await withProgress({ terminal, title: "measuring", total }, async (advance) => {
      for (let repeat = 0; repeat < options.repeats; repeat++) {
        for (const { name, measure, results } of systems) {
          signal.throwIfAborted();
          const measurement = await measure();
          results.push(measurement);
          advance(`${name} ${measurement.msPerStep.toFixed(1)} ms`);
          terminal.detail(`${name}: ${JSON.stringify(measurement)}`);
        }
      }
    });
    print(systems, options, context);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function taskOf(options: BenchStepOptions): StepTask {
  const { batch, microBatch = batch, segments, checkpoints, freeze, imageSize, model, norm, form } = options;
  if (segments > 1 && checkpoints !== undefined) {
    throw new MpoError("invalid-argument", "--segments and --checkpoints both set the checkpoints", {
      hint: "Give one of them.",
    });
  }
  const graph = buildModel({ model, norm, form, inputShape: [imageSize, imageSize, CHANNELS], classes: CLASSES });
  const config = resolveRetrainConfig({
    microBatch,
    accumulation: accumulationFor(batch, microBatch),
    freezing: uniformFreezing(freeze),
    checkpoints: checkpointsOf(segments, checkpoints),
  });
  const { threads = availableParallelism() } = options;
  return {
    ...options,
    model: { graph, weights: initialWeights(graph, options.seed) },
    modelName: model,
    config,
    threads,
  };
}

function checkpointsOf(segments: number, at: readonly number[] | undefined): Checkpoints {
  if (at !== undefined) return { kind: "boundaries", at };
  return segments > 1 ? { kind: "uniform", segments } : { kind: "none" };
}

async function systemsOf(
  { peer, torchPython }: BenchStepOptions,
  task: StepTask,
  folder: string,
  context: CommandContext,
): Promise<readonly System[]> {
  const systems: System[] = [{ name: "mpo", measure: () => measureOwnStep(task, context), results: [] }];
  if (peer !== undefined) {
    const modelPath = await writeLayersModel(task.model, folder, { signal: context.signal });
    systems.push({ name: "tfjs", measure: () => measureTfjsStep(task, modelPath, context), results: [] });
    const { accumulation, checkpoints } = task.config;
    if (accumulation > 1 || checkpoints.kind !== "none" || task.freeze > 0) {
      context.terminal.note(
        "note: TensorFlow.js has no micro-batch, checkpoints or freezing here: it runs the plain step",
      );
    }
  }
  if (torchPython !== undefined) {
    const python = torchPython.includes("/") ? resolve(context.workingFolder, torchPython) : torchPython;
    systems.push({ name: "torch", measure: () => measureTorchStep(task, python, context), results: [] });
  }
  return systems;
}

function print(
  systems: readonly System[],
  { model, norm, form, batch, imageSize, microBatch = batch, segments, checkpoints, freeze }: BenchStepOptions,
  { terminal }: CommandContext,
): void {
  const rows = systems.map(({ name, results }) => {
    // TensorFlow.js knows plain steps only; chosen units are kept by our own alone.
    const isPlain = name === "tfjs";
    const middle = (of: keyof StepMeasurement): number => median(results.map((result) => result[of] ?? 0));
    return {
      system: name,
      ...{ model, norm, ...given({ form: form === DEFAULT_FORM ? undefined : form }), batch, imageSize },
      ...(isPlain ? { microBatch: batch, segments: 1 } : { microBatch, segments }),
      ...given({ checkpoints: name === "mpo" ? checkpoints : undefined }),
      freeze: isPlain ? 0 : freeze,
      msPerStep: middle("msPerStep"),
      peakGrowthBytes: middle("peakGrowthBytes"),
      idleBytes: middle("idleBytes"),
      plannedBytes: results[0]?.plannedBytes ?? null,
    };
  });
  for (const row of rows) terminal.record(row);
  printTable(
    rows,
    [
      ["system", ({ system }) => system],
      ["ms/step", ({ msPerStep }) => msPerStep.toFixed(1)],
      ["peak growth", ({ peakGrowthBytes }) => formatBytes(peakGrowthBytes)],
      ["planned", ({ plannedBytes }) => (plannedBytes === null ? "-" : formatBytes(plannedBytes))],
      ["idle", ({ idleBytes }) => formatBytes(idleBytes)],
    ],
    terminal,
  );
}

/** Not named in the results. */
const DEFAULT_FORM = "small";
