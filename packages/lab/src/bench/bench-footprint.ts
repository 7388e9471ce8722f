import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { type JobGroup, jobEngine, type RetrainJob } from "@mpo/agent";
import { type CommandContext, createTable } from "@mpo/cli";
import {
  accumulationFor,
  formatBytes,
  median,
  type Prediction,
  type RetrainConfig,
  resolveRetrainConfig,
} from "@mpo/core";
import type { ImageSet } from "@mpo/datasets";
import { buildModel, initialWeights, type ModelGraph, writeLayersModel } from "@mpo/engine";
import { PROCESSOR } from "../harness.ts";
import { MemoryGroup } from "../isolation/memory-group.ts";
import { writeLabelledInputs } from "../labelled-inputs.ts";
import { measureTorchStep, type StepTask } from "./step-systems.ts";
import { type Held, watchChildren } from "./watch-children.ts";

export interface BenchFootprintOptions {
  readonly imageSize: number;
  readonly batch: number;
  readonly microBatch: number;
  readonly samples: number;
  readonly steps: number;
  readonly seed: number;
  readonly torchPython?: string;
  /** Size of a memory control group in which they are held, bytes. */
  readonly group?: number;
}

const MODEL = "resnet20";
const CLASSES = 10;
/** A limit that no step here meets. */
const MEMORY_BYTES = 2 ** 30;
const PATIENCE_MS = 600_000;
/** What a process runs, as its command line has it. */
const PARTS = ["job-main", "worker-main"] as const;
const TORCH = ["torch_step"] as const;

/**
 * What a retraining holds that the system cannot take back: the agent's own job, as it runs on a device, with the process
 * that reads inputs and drives, and the worker that has TensorFlow. Beside it, PyTorch's process for steps of the same size.
 */
export async function benchFootprint(options: BenchFootprintOptions, context: CommandContext): Promise<void> {
  const { environment, signal, terminal } = context;
  const folder = await mkdtemp(join(tmpdir(), "mpo-footprint-"));
  try {
    const job = await jobIn(folder, options);
    await using group = options.group === undefined ? undefined : MemoryGroup.of(options.group);
    const engine = jobEngine({
      ...{ environment, cpuShare: "equal", temporaryFolder: join(folder, "work") },
      groups: group && { make: () => Promise.resolve(jobGroup(group)) },
    });
    const { result, held } = await watchChildren(PARTS, () => engine.retrain(job, { signal }));
    const torch =
      options.torchPython === undefined ? undefined : await torchHeld(options.torchPython, options, context);
    const rows: readonly (readonly [string, Held | undefined])[] = [
      ["job", held["job-main"]],
      ["worker", held["worker-main"]],
      ...(torch === undefined ? [] : [["PyTorch", torch] as const]),
    ];
    terminal.record({
      ...{ event: "footprint", ...options, job: held["job-main"], worker: held["worker-main"], torch },
      ...{ trainedSteps: result.steps, stepBytes: result.peakBytes, stepMs: median(result.stepMs) },
      ...{ groupPeakBytes: group?.peakBytes, processor: PROCESSOR },
    });
    const table = createTable(terminal, ["process", "held at most", "in the middle"]);
    for (const [name, one] of rows) {
      table.push([name, formatBytes(one?.peakBytes ?? 0), formatBytes(one?.medianBytes ?? 0)]);
    }
    terminal.line(table.toString());
    const both = (held["job-main"]?.peakBytes ?? 0) + (held["worker-main"]?.peakBytes ?? 0);
    if (group !== undefined) terminal.line(group.summary);
    terminal.line(
      `job and worker together ${formatBytes(both)}, of which the step ${formatBytes(result.peakBytes)}; ${result.steps} steps, ${median(result.stepMs).toFixed(0)} ms each`,
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The bench makes the group, and removes it once it has read what the kernel counted. */
function jobGroup(group: MemoryGroup): JobGroup {
  const wasKilled = (): Promise<boolean> => Promise.resolve(group.kills > 0);
  return { joinFile: group.joinFile, wasKilled, [Symbol.asyncDispose]: () => Promise.resolve() };
}

async function jobIn(folder: string, options: BenchFootprintOptions): Promise<RetrainJob> {
  const { imageSize, batch, microBatch, samples, steps, seed } = options;
  const source = join(folder, "model");
  const graph = graphOf(imageSize);
  await mkdir(source);
  await writeLayersModel({ graph, weights: initialWeights(graph, seed) }, source);
  await writeFile(join(source, "model-card.json"), JSON.stringify({ input: { range: "unit" } }));
  const inputs = join(folder, "inputs.npy");
  // Of inputs with labels, every fourth is kept back for the judge.
  const count = samples + Math.floor((samples - 1) / 3);
  await writeLabelledInputs(inputs, greyImages(imageSize, count), CLASSES);
  const rung: Prediction = {
    ...{
      config: configOf(batch, microBatch),
      overheadMs: 0,
      stepsInWindow: 10 * steps,
      trainingMs: 100 * steps,
      unknowns: [],
    },
    memoryBytes: { expected: MEMORY_BYTES / 2, upper: MEMORY_BYTES },
    stepMs: { expected: 100, upper: 150 },
    accuracy: { expected: 0.5, lower: 0.4, upper: 0.6, steps, isGuess: false },
  };
  return {
    ...{ model: "camera", modelFolder: source, sourceFolder: source, stagingFolder: join(folder, "staged") },
    ...{ inputFiles: [inputs], rung, memoryBytes: MEMORY_BYTES, maxMs: PATIENCE_MS, method: "tent", seed },
  };
}

/** What they show does not matter here. */
function greyImages(side: number, count: number): ImageSet {
  const images = new Float32Array(count * side * side * 3).map((_, index) => ((index * 37) % 256) / 255);
  return { images, count, height: side, width: side, channels: 3 };
}

async function torchHeld(
  python: string,
  { imageSize, batch, microBatch, steps, seed }: BenchFootprintOptions,
  context: CommandContext,
): Promise<Held | undefined> {
  const graph = graphOf(imageSize);
  const task: StepTask = {
    ...{ modelName: MODEL, norm: "batch", form: "small", imageSize, steps, seed, segments: 1, freeze: 0 },
    model: { graph, weights: initialWeights(graph, seed) },
    config: configOf(batch, microBatch),
    threads: availableParallelism(),
  };
  const { held } = await watchChildren(TORCH, () => measureTorchStep(task, python, context));
  return held.torch_step;
}

function graphOf(side: number): ModelGraph {
  return buildModel({ model: MODEL, norm: "batch", inputShape: [side, side, 3], classes: CLASSES });
}

function configOf(batch: number, microBatch: number): RetrainConfig {
  return resolveRetrainConfig({ microBatch, accumulation: accumulationFor(batch, microBatch) });
}
