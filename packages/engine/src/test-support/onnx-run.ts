import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createRandom } from "@mpo/datasets";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { elementsOf, type ModelWeights } from "../model/model-graph.ts";

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

/** What ONNX Runtime computes: the first output for all samples. */
export async function runOnnx(file: string, inputs: Float32Array, shape: readonly number[]): Promise<Float32Array> {
  const session = await InferenceSession.create(file, { intraOpNumThreads: 1, logSeverityLevel: 3 });
  const [name = ""] = session.inputNames;
  const outputs = await session.run({ [name]: new Tensor("float32", inputs, [...shape]) });
  const result = Float32Array.from(outputs[session.outputNames[0]!]!.data as Float32Array);
  await session.release();
  return result;
}

/** `[samples, channels, height, width]` to `[samples, height, width, channels]`. */
export function channelsLast(
  images: Float32Array,
  [samples = 1, channels = 1, ...map]: readonly number[],
): Float32Array {
  const pixels = elementsOf(map);
  return Float32Array.from({ length: samples * pixels * channels }, (_, index) => {
    const [sample, pixel, channel] = [
      Math.floor(index / (pixels * channels)),
      Math.floor(index / channels) % pixels,
      index % channels,
    ];
    return images[(sample * channels + channel) * pixels + pixel]!;
  });
}

/** Every value moved a little by itself; variances stay above zero. */
export function moved(weights: ModelWeights): ModelWeights {
  const random = createRandom(7);
  return new Map(
    [...weights].map(([name, values]) => [name, values.map((value) => value * (1 + 0.02 * random.gaussian()))]),
  );
}
