import { given, hasCode, MpoError } from "@mpo/core";
import { type ImageSet, readClassNames, shapeInWords } from "@mpo/datasets";
import { headOf, inputOf, type Model, pictureFormOf, readModel, readTrainedModel } from "@mpo/engine";
import type { Output } from "../command-context.ts";
import { type InputOptions, withInputOptions } from "../options/input-options.ts";

const WHAT_TO_NAME =
  "Name a folder that `mpo train` wrote, a TensorFlow.js layers model (model.json and its weight files), or a .keras, .h5 or .onnx file.";

/** Reads the model in a folder (or its file), with what is stated of its input. Throws as `readModel` does. */
export async function loadModel(path: string, signal: AbortSignal, stated: InputOptions = {}): Promise<Model> {
  const model = await readModel(path, { signal }).catch(sayWhatToName);
  return { ...model, graph: withInputOptions(model.graph, stated) };
}

/**
 * Reads the model of a serving folder as devices train it, for what plans for them: its weights do not matter. Throws as
 * `readTrainedModel` does.
 */
export async function loadTrainedModel(folder: string, signal: AbortSignal): ReturnType<typeof readTrainedModel> {
  return await readTrainedModel(folder, { putBack: undefined, signal }).catch(sayWhatToName);
}

function sayWhatToName(thrown: unknown): never {
  throw hasCode(thrown, "not-found") ? thrown.with({ hint: thrown.hint ?? WHAT_TO_NAME }) : thrown;
}

/** The names of a model's classes: stated beside it (`readClassNames`), else in its file. */
export async function classNamesOf(
  { onnx }: Model,
  path: string,
  signal?: AbortSignal,
): Promise<readonly string[] | undefined> {
  return (await readClassNames(path, given({ signal }))) ?? onnx?.classNames;
}

/** What was assumed of a model while it was read. */
export function sayAssumed({ onnx }: Model, { terminal }: Output): void {
  for (const note of onnx?.notes ?? []) terminal.note(note);
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
