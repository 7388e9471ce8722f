import { stat } from "node:fs/promises";
import { join } from "node:path";
import { MpoError } from "@mpo/core";
import type { ImageSet } from "@mpo/datasets";
import { MODEL_FILE, type Model, readLayersModel, sampleShapes } from "@mpo/engine";

/** Reads the model in a folder (or a `model.json` itself). Throws as `readLayersModel` does. */
export async function loadModel(path: string, signal: AbortSignal): Promise<Model> {
  const isFolder = await stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
  return await readLayersModel(isFolder ? join(path, MODEL_FILE) : path, { signal });
}

/** Throws `invalid-argument` when the model does not take these images. */
export function requireFitting({ graph }: Model, { height, width, channels }: ImageSet, modelPath: string): void {
  const [wanted = []] = sampleShapes(graph).values();
  const given = [height, width, channels];
  if (wanted.join() !== given.join()) {
    throw new MpoError(
      "invalid-argument",
      `${modelPath}: the model takes images of ${wanted.join("x")}; the data set's are ${given.join("x")}`,
      { hint: "Choose the data set that the model was trained on, or --image-size for a folder of images." },
    );
  }
}
