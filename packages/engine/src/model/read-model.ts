import { extname } from "node:path";
import { readStatement } from "@mpo/datasets";
import type { Abortable } from "@mpo/io";
import { modelFileAt, readLayersModel } from "./layers-format/read-layers-model.ts";
import type { Model } from "./model-graph.ts";
import { withNormsBeside } from "./onnx/norms-file.ts";
import { readOnnxModel } from "./onnx/read-onnx-model.ts";
import { preparedForm, withInputForm } from "./stated-input.ts";

export interface ReadModelOptions extends Abortable {
  /** Leaves normalisations where the exporter of an ONNX file folded them into, though they lie beside the file. */
  readonly isFolded?: boolean;
}

/**
 * Reads a model by its folder or its file, whatever its format: as `readLayersModel`, or an `.onnx` file as
 * `readOnnxModel`, with the normalisations that lie beside it (`norms-file.ts`). What is stated of its input, or follows from
 * its own preparation, becomes part of the graph. Throws as they do.
 */
export async function readModel(path: string, options: ReadModelOptions = {}): Promise<Model> {
  const file = await modelFileAt(path);
  if (extname(file).toLowerCase() !== ".onnx") return await readLayersModel(path, options);
  const model = await readOnnxModel(file, options);
  const { input = preparedForm(model.graph) } = await readStatement(file, options);
  const read = { ...model, graph: withInputForm(model.graph, input) };
  return options.isFolded === true ? read : await withNormsBeside(read, file);
}
