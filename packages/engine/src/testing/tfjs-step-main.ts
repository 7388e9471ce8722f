import { serveCalls } from "@mpo/io";
import * as tf from "@tensorflow/tfjs-node";
import { readMemory, resetMemoryPeak } from "../session/memory-meter.ts";
import { loadWithTfjs } from "../test-support/load-with-tfjs.ts";
import type { StepTiming, TfjsCalls, TfjsStepOptions } from "./time-tfjs-step.ts";

/**
 * Entry of the child process that trains with TensorFlow.js' own layers and automatic differentiation
 * (`optimizer.minimize`), as a user of plain tfjs-node would: the peer to compare compiled steps with.
 */
const LEARNING_RATE = 0.01;

serveCalls<TfjsCalls>({ timeStep: timeSteps });

async function timeSteps({ modelPath, batch, steps, seed }: TfjsStepOptions): Promise<StepTiming> {
  const model = await loadWithTfjs(tf as unknown as Parameters<typeof loadWithTfjs>[0], modelPath);
  const optimizer = tf.train.sgd(LEARNING_RATE);
  const shape = model.inputs[0]?.shape.slice(1) as number[];
  const classes = model.outputs[0]?.shape.at(-1) as number;
  const images = tf.randomUniform([batch, ...shape], 0, 1, "float32", seed);
  const labels = tf.oneHot(tf.randomUniform([batch], 0, classes, "int32", seed), classes);
  const step = (x: tf.Tensor, y: tf.Tensor): void => {
    tf.tidy(() => {
      const cost = optimizer.minimize(
        () => tf.losses.softmaxCrossEntropy(y, model.apply(x, { training: true }) as unknown as tf.Tensor) as tf.Scalar,
        true,
      );
      // Waits for the step to end: operations run when their values are wanted.
      cost?.dataSync();
    });
  };
  const [oneImage, oneLabel] = [images.slice(0, 1), labels.slice(0, 1)];
  step(oneImage, oneLabel);
  globalThis.gc?.();
  const idleBytes = readMemory().residentBytes;
  resetMemoryPeak();
  const times: number[] = [];
  for (let index = 0; index <= steps; index++) {
    const began = performance.now();
    step(images, labels);
    // The first step meets its batch size for the first time.
    if (index > 0) times.push(performance.now() - began);
  }
  return { stepMs: times, peakGrowthBytes: readMemory().peakBytes - idleBytes, idleBytes, version: tf.version_core };
}
