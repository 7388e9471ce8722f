import { hasCode, MpoError } from "@mpo/core";
import { type ImageSet, shapeInWords } from "@mpo/datasets";
import { headOf, inputOf, type Model, pictureFormOf, readLayersModel } from "@mpo/engine";
import { type InputOptions, withInputOptions } from "../options/input-options.ts";

const WHAT_TO_NAME =
  "Name a folder that `mpo train` wrote, a TensorFlow.js layers model (model.json and its weight files), or a .keras or .h5 file.";

/** Reads the model in a folder (or its file), with what is stated of its input. Throws as `readLayersModel` does. */
export async function loadModel(path: string, signal: AbortSignal, stated: InputOptions = {}): Promise<Model> {
  const model = await readLayersModel(path, { signal }).catch((thrown: unknown) => {
    throw hasCode(thrown, "not-found") ? thrown.with({ hint: thrown.hint ?? WHAT_TO_NAME }) : thrown;
  });
  return { ...model, graph: withInputOptions(model.graph, stated) };
}

/** Throws `invalid-argument` when the model does not take these images, or has no output for one of their labels. */
export function requireFitting({ graph }: Model, images: ImageSet, modelPath: string): void {
  const form = pictureFormOf(graph);
  const wanted = form === undefined ? inputOf(graph).shape.join("x") : shapeInWords(form);
  const given = shapeInWords(images);
  if (wanted !== given) {
    throw new MpoError(
      "invalid-argument",
      `${modelPath}: the model takes images of ${wanted}; the data set's are ${given}`,
      {
        hint: "Choose the data set that the model was trained on; a folder's images are brought to its size without --image-size.",
      },
    );
  }
  const { classes } = headOf(graph);
  const beyond = images.labels?.find((label) => label >= classes);
  if (beyond !== undefined) {
    throw new MpoError(
      "invalid-argument",
      `${modelPath}: the model has ${classes} classes; the data set has an image of class ${beyond}, counted from 0`,
      { hint: "Choose the data set that the model was trained on." },
    );
  }
}
