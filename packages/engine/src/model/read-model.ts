import { extname } from "node:path";
import { readStatement } from "@mpo/datasets";
import type { Abortable } from "@mpo/io";
import { modelFileAt, readLayersModel } from "./layers-format/read-layers-model.ts";
import type { Model } from "./model-graph.ts";
import { readOnnxModel } from "./onnx/read-onnx-model.ts";
import { preparedForm, withInputForm } from "./stated-input.ts";

/**
 * Reads a model by its folder or its file, whatever its format: as `readLayersModel`, or an `.onnx` file as
 * `readOnnxModel`. What is stated of its input, or follows from its own preparation, becomes part of the graph. Throws as
 * they do.
 */
export async function readModel(path: string, options: Abortable = {}): Promise<Model> {
  const file = await modelFileAt(path);
  if (extname(file).toLowerCase() !== ".onnx") return await readLayersModel(path, options);
  const model = await readOnnxModel(file, options);
  const { input = preparedForm(model.graph) } = await readStatement(file, options);
  return { ...model, graph: withInputForm(model.graph, input) };
}
