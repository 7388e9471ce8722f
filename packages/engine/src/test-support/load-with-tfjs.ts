import { resolve } from "node:path";
import type { LayersModel } from "@tensorflow/tfjs";
import { registerGroupNormalization, type TensorFlow } from "./group-normalization-layer.ts";

/** Loads an exported model with stock TensorFlow.js, to compare against it. `tf` is `@tensorflow/tfjs-node`. */
export async function loadWithTfjs(tf: TensorFlow, modelJsonPath: string): Promise<LayersModel> {
  registerGroupNormalization(tf);
  return await tf.loadLayersModel(`file://${resolve(modelJsonPath)}`);
}
