import { InferenceSession, Tensor } from "onnxruntime-node";
import type { SampleShape } from "../model/model-graph.ts";

/** What onnxruntime computes for images `[count, h, w, c]` (or other samples), which it gets channels first. */
export async function runExported(
  bytes: Uint8Array,
  x: Float32Array,
  sample: SampleShape,
  graphOptimizationLevel: "all" | "disabled" = "all",
): Promise<{ readonly values: Float32Array; readonly outputName: string }> {
  const session = await InferenceSession.create(bytes, {
    ...{ logSeverityLevel: 3, intraOpNumThreads: 1, graphOptimizationLevel },
  });
  try {
    const [height = 1, width = 1, channels = 1] = sample;
    const isImage = sample.length === 3;
    const length = sample.reduce((product, extent) => product * extent, 1);
    const count = x.length / length;
    const shape = isImage ? [channels, height, width] : sample;
    const fed = isImage ? channelsFirst(x, [count, height * width, channels]) : x;
    const [inputName = ""] = session.inputNames;
    const [outputName = ""] = session.outputNames;
    const results = await session.run({ [inputName]: new Tensor("float32", fed, [count, ...shape]) });
    return { values: results[outputName]!.data as Float32Array, outputName };
  } finally {
    await session.release();
  }
}

function channelsFirst(x: Float32Array, [count, pixels, channels]: readonly [number, number, number]): Float32Array {
  const moved = new Float32Array(x.length);
  for (let i = 0; i < count; i++) {
    for (let pixel = 0; pixel < pixels; pixel++) {
      for (let channel = 0; channel < channels; channel++) {
        moved[(i * channels + channel) * pixels + pixel] = x[(i * pixels + pixel) * channels + channel]!;
      }
    }
  }
  return moved;
}
