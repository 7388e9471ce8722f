import { existsSync } from "node:fs";
import { join } from "node:path";
import { MpoError } from "@mpo/core";
import { MODEL_FILE, ONNX_FILE } from "@mpo/datasets";
import type { Abortable } from "@mpo/io";
import { writeLayersModel } from "./layers-format/write-layers-model.ts";
import type { Model } from "./model-graph.ts";
import { writeNormsBeside } from "./onnx/norms-file.ts";
import { writeOnnxModel } from "./onnx/write-onnx-model.ts";

/**
 * Writes a model into a folder in the format that it was read in, `model.onnx` for one from an ONNX file, with the
 * normalisations that are folded in it beside it, else a layers model; gives the file's path. Throws as `writeLayersModel` and `writeOnnxModel` do, and `already-exists` where a
 * `model.json` in the folder would be taken for the model.
 */
export async function writeModel(model: Model, folder: string, options: Abortable = {}): Promise<string> {
  if (model.onnx === undefined) return await writeLayersModel(model, folder, options);
  if (existsSync(join(folder, MODEL_FILE))) {
    throw new MpoError(
      "already-exists",
      `${folder} holds a layers model, beside which an ${ONNX_FILE} would not be read`,
      {
        hint: "Choose another folder.",
      },
    );
  }
  const file = join(folder, ONNX_FILE);
  await writeOnnxModel(model, file, options);
  await writeNormsBeside(model, file, options);
  return file;
}
