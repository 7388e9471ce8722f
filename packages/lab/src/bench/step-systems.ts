import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { CommandContext } from "@mpo/cli";
import { MpoError, median, type RetrainConfig } from "@mpo/core";
import { createRandom } from "@mpo/datasets";
import { EngineWorker, type Model, type Samples, sampleShapes, stepTimes } from "@mpo/engine";
import { type TfjsStepOptions, timeTfjsStep } from "@mpo/engine/testing";

/** What is measured, the same for all systems. */
export interface StepTask {
  readonly modelName: string;
  readonly norm: string;
  readonly form: string;
  readonly imageSize: number;
  readonly model: Model;
  readonly config: RetrainConfig;
  readonly segments: number;
  readonly freeze: number;
  readonly steps: number;
  readonly seed: number;
  readonly threads: number;
}

/** One measurement of one system in a process of its own. */
export interface StepMeasurement {
  readonly msPerStep: number;
  readonly peakGrowthBytes: number;
  /** Resident bytes after one step with one sample. */
  readonly idleBytes: number;
  /** What the plan says; only our own system has one. */
  readonly plannedBytes?: number;
}

type Context = Pick<CommandContext, "environment" | "signal">;
const LEARNING_RATE = 0.01;
export const CHANNELS = 3;
export const CLASSES = 10;

/** Our own compiled step. */
export async function measureOwnStep(task: StepTask, { environment, signal }: Context): Promise<StepMeasurement> {
  const { config, model, steps, seed, threads } = task;
  await using worker = await EngineWorker.start({ environment, threads }, { signal });
  const training = { config, loss: "crossEntropy", optimizer: { kind: "sgd" } } as const;
  const { idleBytes, plannedBytes } = await worker.load({ ...model, training }, { signal });
  await worker.setSamples("random", randomSamples(task), { signal });
  const run = {
    // One more: the first step meets its batch size for the first time.
    steps: steps + 1,
    learningRate: { kind: "constant", rate: LEARNING_RATE },
    seed,
    shuffle: false,
  } as const;
  const report = await worker.call("train", { samples: "random", run }, { signal });
  const msPerStep = median(stepTimes(report.steps));
  return { msPerStep, peakGrowthBytes: report.peakBytes, idleBytes, plannedBytes };
}

/** The same network with TensorFlow.js' own layers and autodiff, from an exported model. It knows plain steps only. */
export async function measureTfjsStep(
  task: StepTask,
  modelPath: string,
  { environment, signal }: Context,
): Promise<StepMeasurement> {
  const { microBatch, accumulation } = task.config;
  const options: TfjsStepOptions = { modelPath, batch: microBatch * accumulation, steps: task.steps, seed: task.seed };
  const timing = await timeTfjsStep(options, { environment, threads: task.threads, signal });
  const { stepMs, peakGrowthBytes, idleBytes } = timing;
  return { msPerStep: median(stepMs), peakGrowthBytes, idleBytes };
}

/** The same network in PyTorch, eager and channels_last, through the script in `peers/`. */
export async function measureTorchStep(
  task: StepTask,
  python: string,
  { environment, signal }: Context,
): Promise<StepMeasurement> {
  const { microBatch, accumulation } = task.config;
  const { modelName: model, norm, form, imageSize, segments, freeze, threads, seed, steps } = task;
  const script = fileURLToPath(new URL("../../peers/torch_step.py", import.meta.url));
  const network = { model, norm, form, imageSize, channels: CHANNELS, classes: CLASSES };
  const step = { batch: microBatch * accumulation, microBatch, segments, freeze };
  const argument = JSON.stringify({ ...network, ...step, threads, seed, steps });
  try {
    const env = { ...environment };
    const { stdout } = await promisify(execFile)(python, [script, argument], { env, signal });
    const { msPerStep, peakGrowthBytes, idleBytes } = JSON.parse(stdout) as StepMeasurement;
    return { msPerStep, peakGrowthBytes, idleBytes };
  } catch (thrown) {
    signal.throwIfAborted();
    const { code, stderr } = thrown as { readonly code?: unknown; readonly stderr?: string };
    if (code === "ENOENT") throw new MpoError("not-found", `--torch-python ${python}: program not found`);
    const reason = stderr?.trim().split("\n").at(-1) ?? MpoError.from(thrown).message;
    throw new MpoError("worker-crashed", `PyTorch through ${python}: ${reason}`, { cause: thrown });
  }
}

function randomSamples({ model, config, seed }: StepTask): Samples {
  const random = createRandom(seed);
  const count = config.microBatch * config.accumulation;
  const [shape = []] = sampleShapes(model.graph).values();
  const size = shape.reduce((product, side) => product * side, 1);
  return {
    images: Float32Array.from({ length: count * size }, () => random.uniform()),
    labels: Int32Array.from({ length: count }, () => random.integer(CLASSES)),
    count,
  };
}
