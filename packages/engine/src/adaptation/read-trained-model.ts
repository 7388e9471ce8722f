import { extname, join } from "node:path";
import { MpoError, REFERENCE_FILE } from "@mpo/core";
import { readNpyImages, readPictureForm, shapeInWords } from "@mpo/datasets";
import { type Abortable, ifFound } from "@mpo/io";
import { modelFileAt } from "../model/layers-format/read-layers-model.ts";
import type { Model } from "../model/model-graph.ts";
import { hasNormsBeside, withNormsBeside } from "../model/onnx/norms-file.ts";
import { readModel } from "../model/read-model.ts";
import type { Samples } from "../training/batches.ts";
import { foldedCount, type PutBackOptions, withNeutralNorms, withNormsPutBack } from "./norms-put-back.ts";

/**
 * Tent on a folded ResNet-20 of Fashion-MNIST, by so many references: 8 make it worse under Gaussian noise (75 % right of
 * 76 %), 16 better (82 %), 64 about as much as its own normalisations do (87 % and 88 %); fog and contrast in the same order.
 */
const LEAST_REFERENCES = 16;

export interface TrainedModelOptions extends Abortable {
  /** Folder of the model as deployed: what lies there decides. Default: the model's own. */
  readonly source?: string;
  /** How reference inputs are looked at; undefined: they are not, as memory and time do not depend on them. */
  readonly putBack: PutBackOptions | undefined;
}

export interface TrainedModel {
  readonly model: Model;
  /** What keeps folded normalisations from being put back, for a person. */
  readonly note: string | undefined;
}

/**
 * Reads the model of a serving folder as devices train it, and as all plan that plan for them: with the normalisations that
 * an ONNX exporter folded put back, where the folder of the model as deployed has them (`norms-file.ts`), or reference inputs
 * to put them back by. Throws as `readModel` and `withNormsPutBack` do.
 */
export async function readTrainedModel(
  folder: string,
  { source = folder, putBack, ...options }: TrainedModelOptions,
): Promise<TrainedModel> {
  const file = await modelFileAt(source);
  if (extname(file).toLowerCase() !== ".onnx") return { model: await readModel(folder, options), note: undefined };
  const hasNorms = await hasNormsBeside(file);
  const references = hasNorms ? undefined : await referencesIn(source);
  const isFolded = typeof references === "string";
  const model = await readModel(folder, { ...options, isFolded });
  const folded = foldedCount(model);
  if (folded === 0) return { model, note: undefined };
  if (isFolded) return { model, note: noteOf(folded, references) };
  return { model: await putBackInto(model, references, file, putBack), note: undefined };
}

async function putBackInto(
  model: Model,
  references: Samples | undefined,
  source: string,
  putBack: PutBackOptions | undefined,
): Promise<Model> {
  if (references === undefined) return await withNormsBeside(model, source);
  if (putBack === undefined) return withNeutralNorms(model);
  return (await withNormsPutBack(model, references, putBack))?.model ?? model;
}

function noteOf(folded: number, why: string): string {
  return (
    `${folded} convolutions have a bias, as where an exporter folded a batch normalisation into them: ` +
    `it is not put back, as ${why}`
  );
}

/** Reference inputs in the folder of a model as deployed, or why there are none. */
export async function referencesIn(folder: string): Promise<Samples | string> {
  const path = join(folder, REFERENCE_FILE);
  try {
    const set = await ifFound(readNpyImages(path));
    if (set === undefined) return `there is no ${path} with inputs of its training`;
    const [found, taken] = [set, await readPictureForm(folder)].map(shapeInWords);
    if (found !== taken) return `${path} has inputs of ${found}; the model takes ${taken}`;
    const { images, count } = set;
    return count >= LEAST_REFERENCES
      ? { images, count }
      : `${path} has ${count} inputs; at least ${LEAST_REFERENCES} are needed`;
  } catch (thrown) {
    return MpoError.from(thrown).message;
  }
}
