import { MODEL_FILE } from "./beside-model.ts";

/**
 * Which of a folder's files is its model: `model.json`, else what Keras saved whole. Of several of those none is chosen, so
 * all are given.
 */
export function modelFilesAmong(names: readonly string[]): readonly string[] {
  if (names.includes(MODEL_FILE)) return [MODEL_FILE];
  return names.filter((name) => /(?<!\.weights)\.(keras|h5|hdf5)$/iu.test(name)).toSorted();
}
