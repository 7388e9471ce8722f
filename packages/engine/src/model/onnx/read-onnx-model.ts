import { readFile } from "node:fs/promises";
import { type Abortable, fileError, throwIfAborted } from "@mpo/io";
import type { Model } from "../model-graph.ts";
import { headOf } from "../model-head.ts";
import { classNamesIn } from "./class-names.ts";
import { readExternalData } from "./external-data.ts";
import { importOnnxGraph } from "./import-onnx-graph.ts";
import { decodeOnnx } from "./onnx-messages.ts";
import type { OnnxOrigin } from "./onnx-origin.ts";

export interface OnnxOptions extends Abortable {
  /** Which of the file's outputs, where it has several of `[batch, classes]`. */
  readonly output?: string;
}

/** A model that can be written as the file that it was read from. */
export interface OnnxModel extends Model {
  readonly onnx: OnnxOrigin;
}

/**
 * Reads an `.onnx` file of operator set 13 to 22, with the files that hold its weights, if there are any. One input of
 * float32 and of fixed size but for the batch; what is stated of it is not looked for here.
 *
 * Throws `not-found`; `invalid-data` for damaged files; `unsupported` naming the node, its operator and what is supported;
 * `cancelled`.
 */
export async function readOnnxModel(file: string, options: OnnxOptions = {}): Promise<OnnxModel> {
  throwIfAborted(options.signal);
  const bytes = await readFile(file).catch((thrown: unknown) => {
    throw fileError(thrown, "read", file);
  });
  const message = decodeOnnx(bytes, file);
  await readExternalData(file, message.graph, options);
  const { graph, weights, sources, notes } = importOnnxGraph(message, file, options.output);
  const classNames = classNamesIn(message.metadataProps, headOf(graph).classes);
  return { graph, weights, onnx: { message, sources, notes, classNames } };
}
