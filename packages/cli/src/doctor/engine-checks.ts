import { formatBytes, formatMs, given, MpoError, NOTHING_FROZEN, type RetrainConfig, typical } from "@mpo/core";
import type { MeasuredStep } from "@mpo/engine";
import type { DoctorContext, Finding } from "./check.ts";

const CONFIG: RetrainConfig = {
  microBatch: 64,
  accumulation: 1,
  freezing: NOTHING_FROZEN,
  checkpoints: { kind: "none" },
};
/** Less than the step needs (some 100 MiB), more than loading the model takes. */
const CAP_BYTES = 48 * 2 ** 20;
const SETUP_FIX = "Run `npm run setup`: it gets TensorFlow's library and builds the addon against it.";

/** TensorFlow runs a real step. */
export async function checkTensorflow(context: DoctorContext): Promise<Finding> {
  try {
    const { loaded, sample } = await oneStep(context, undefined);
    const idle = `${formatBytes(loaded.idleBytes)} idle`;
    const step = `a step of ResNet-20 with 64 images takes ${formatMs(typical(sample.stepMs))}`;
    return { state: "ok", found: `${loaded.tensorflowVersion}, ${idle}; ${step}` };
  } catch (thrown) {
    const { message, hint = SETUP_FIX } = MpoError.from(thrown);
    return { state: "broken", found: message, fix: hint };
  }
}

/** A step that needs more than its cap is stopped, which is what protects a device. */
export async function checkMemoryCap(context: DoctorContext): Promise<Finding> {
  try {
    await oneStep(context, CAP_BYTES);
  } catch (thrown) {
    const { code, message, hint = SETUP_FIX } = MpoError.from(thrown);
    if (code !== "over-memory-cap") return { state: "broken", found: message, fix: hint };
    return { state: "ok", found: `a step that needs more than its cap of ${formatBytes(CAP_BYTES)} is stopped` };
  }
  return {
    state: "broken",
    found: `a step went over its cap of ${formatBytes(CAP_BYTES)}: TensorFlow's library runs without oneDNN`,
    fix: "Use a TensorFlow library with oneDNN: run `npm run setup` without MPO_TENSORFLOW_WHEEL.",
  };
}

async function oneStep({ environment, signal }: DoctorContext, cap: number | undefined): Promise<MeasuredStep> {
  // Loaded here: the other checks need no engine, and say why it may be missing.
  const { buildModel, initialWeights, measureStep, methodNamed } = await import("@mpo/engine");
  const graph = buildModel({ model: "resnet20", norm: "batch", inputShape: [32, 32, 3], classes: 10 });
  const task = {
    model: { graph, weights: initialWeights(graph, 1) },
    training: methodNamed("crossEntropy"),
    environment,
    seed: 1,
    ...given({ memoryCapBytes: cap }),
  };
  return await measureStep(task, CONFIG, { signal, timedSteps: cap === undefined ? 2 : 0 });
}
