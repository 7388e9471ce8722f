import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createRandom } from "@mpo/datasets";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { elementsOf, type Model, type ModelWeights } from "../model/model-graph.ts";
import { transposed } from "../model/transposed.ts";
import { inputShapeOf, withSession } from "./engine-run.ts";

/** A folder with `model.onnx`, inputs, and perhaps PyTorch's gradients, as `packages/lab/peers/onnx_models.py` writes it. */
export interface OnnxCase {
  readonly file: string;
  /** Of the inputs, as the file has them: `[samples, channels, height, width]`. */
  readonly shape: readonly number[];
  readonly inputs: Float32Array;
  readonly labels: Int32Array;
  /** By the name of the parameter, in the file's own order. */
  readonly gradients: ModelWeights | undefined;
}

interface CaseJson {
  readonly shape: readonly number[];
  readonly labels: readonly number[];
  readonly gradients?: Readonly<Record<string, readonly [offset: number, length: number]>>;
}

export function readOnnxCase(folder: string): OnnxCase {
  const { shape, labels, gradients } = JSON.parse(readFileSync(join(folder, "case.json"), "utf8")) as CaseJson;
  const all = gradients && floatsOf(join(folder, "gradients.bin"));
  return {
    file: join(folder, "model.onnx"),
    shape,
    inputs: all === undefined ? randomInputs(shape) : floatsOf(join(folder, "x.bin")),
    labels: Int32Array.from(labels),
    gradients:
      all && new Map(Object.entries(gradients!).map(([name, [at, length]]) => [name, all.subarray(at, at + length)])),
  };
}

function randomInputs(shape: readonly number[]): Float32Array {
  const random = createRandom(3);
  return Float32Array.from({ length: elementsOf(shape) }, () => random.gaussian());
}

function floatsOf(path: string): Float32Array {
  const { buffer, byteOffset, length } = readFileSync(path);
  return new Float32Array(buffer.slice(byteOffset, byteOffset + length));
}

/**
 * What ONNX Runtime computes: the first output for all samples. Not optimised unless said otherwise, because 1.30 puts a padding
 * by zeros into the largest of a window, where it then is none.
 */
export async function runOnnx(
  model: string | Uint8Array,
  inputs: Float32Array,
  shape: readonly number[],
  graphOptimizationLevel: "all" | "disabled" = "disabled",
): Promise<{ readonly values: Float32Array; readonly outputName: string }> {
  const options = { intraOpNumThreads: 1, logSeverityLevel: 3, graphOptimizationLevel } as const;
  const session = await (typeof model === "string"
    ? InferenceSession.create(model, options)
    : InferenceSession.create(model, options));
  try {
    const [inputName = ""] = session.inputNames;
    const [outputName = ""] = session.outputNames;
    const outputs = await session.run({ [inputName]: new Tensor("float32", inputs, [...shape]) });
    return { values: Float32Array.from(outputs[outputName]!.data as Float32Array), outputName };
  } finally {
    await session.release();
  }
}

/** `[samples, channels, height, width]` to `[samples, height, width, channels]`; 3 channels that are last already stay so. */
export function channelsLast(images: Float32Array, shape: readonly number[]): Float32Array {
  return shape.at(-1) === 3 ? images : transposed(images, shape, [0, 2, 3, 1]);
}

/** Every value moved a little by itself; variances stay above zero. */
export function moved(weights: ModelWeights): ModelWeights {
  const random = createRandom(7);
  return new Map(
    [...weights].map(([name, values]) => [name, values.map((value) => value * (1 + 0.02 * random.gaussian()))]),
  );
}

/** Of the largest output, where that is more than 1. */
const TOLERANCE = 1e-4;

/** A model's logits for all images, `[samples, height, width, channels]`. */
export async function evaluate({ graph, weights }: Model, images: Float32Array): Promise<Float32Array> {
  const count = images.length / elementsOf(inputShapeOf(graph));
  const samples = { images, labels: new Int32Array(count), count };
  const run = { graph, weights, samples, config: { microBatch: count } };
  return await withSession(run, async (session) => session.logits(samples));
}

export function assertSameOutputs(actual: Float32Array, expected: ArrayLike<number>, when: string): void {
  assert.equal(actual.length, expected.length, when);
  const most = Array.from(expected).reduce((largest, value) => Math.max(largest, Math.abs(value)), 1);
  const worst = actual.reduce((largest, value, index) => Math.max(largest, Math.abs(value - expected[index]!)), 0);
  assert.ok(worst <= TOLERANCE * most, `${when}: off by ${worst} of ${most}`);
}
