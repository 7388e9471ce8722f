import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { jobEngine, type RetrainJob, SERVING_FOLDERS } from "@mpo/agent";
import { MIB, MpoError, resolveRetrainConfig } from "@mpo/core";
import { syntheticImages } from "@mpo/datasets/testing";
import { buildModel, initialWeights, writeLayersModel } from "@mpo/engine";
import { hogEnvironment } from "@mpo/engine/testing";
import { writeLabelledInputs } from "../labelled-inputs.ts";

/**
 * How a job takes more memory than it may: "pool" by a step whose tensors do not fit, "outside" by what is not
 * TensorFlow's, "unlimited" outside too, and with a limit that is far above what there is.
 */
export type HogKind = "pool" | "outside" | "unlimited";

const SHAPE = { height: 28, width: 28, channels: 1 } as const;
const INPUTS = 256;
const CLASSES = 10;

/** Deploys a model for the example program and the jobs, with inputs to train on. */
export async function deployModel(folder: string): Promise<void> {
  const source = join(folder, SERVING_FOLDERS.source);
  const graph = buildModel({ model: "resnet20", norm: "batch", inputShape: [28, 28, 1], classes: CLASSES });
  await writeLayersModel({ graph, weights: initialWeights(graph, 1) }, source);
  await mkdir(join(folder, "training"), { recursive: true });
  const images = syntheticImages({ ...SHAPE, count: INPUTS, seed: 2 });
  await writeLabelledInputs(join(folder, "training", "a.npy"), images, CLASSES);
}

/** Runs one job that takes too much. Returns the code of the error that it ends with; "done" if it does not. */
export async function runHog(kind: HogKind, folder: string, cpuShare: "leftover" | "equal"): Promise<string> {
  const environment = kind === "pool" ? process.env : hogEnvironment("buffers");
  const source = join(folder, SERVING_FOLDERS.source);
  const job: RetrainJob = {
    model: "cam",
    modelFolder: source,
    sourceFolder: source,
    stagingFolder: join(folder, "staged"),
    inputFiles: [join(folder, "training", "a.npy")],
    rung: {
      config: resolveRetrainConfig({ microBatch: INPUTS }),
      memoryBytes: { expected: 20 * MIB, upper: 20 * MIB },
      stepMs: { expected: 1_000, upper: 1_000 },
      overheadMs: 0,
      stepsInWindow: 1,
      accuracy: { expected: 0.5, lower: 0.5, upper: 0.5, steps: 1, isGuess: false },
      trainingMs: 1_000,
      unknowns: [],
    },
    memoryBytes: { pool: 20 * MIB, outside: 400 * MIB, unlimited: 3_000 * MIB }[kind],
    maxMs: 100_000,
    method: "shot",
    seed: 1,
  };
  const temporaryFolder = join(folder, "work");
  try {
    await jobEngine({ environment, cpuShare, temporaryFolder }).retrain(job, { signal: new AbortController().signal });
    return "done";
  } catch (thrown) {
    return MpoError.from(thrown).code;
  }
}
