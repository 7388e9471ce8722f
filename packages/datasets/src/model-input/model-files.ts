import { MODEL_FILE } from "./beside-model.ts";

/** Name of an ONNX model in a folder of its own. */
export const ONNX_FILE = "model.onnx";

/**
 * Which of a folder's files is its model: `model.json`, else what Keras saved whole, or an ONNX file. Of several of those none is chosen, so
 * all are given.
 */
export function modelFilesAmong(names: readonly string[]): readonly string[] {
  if (names.includes(MODEL_FILE)) return [MODEL_FILE];
  return names.filter((name) => /(?<!\.weights)\.(keras|h5|hdf5|onnx)$/iu.test(name)).toSorted();
}
