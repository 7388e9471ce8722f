import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { hasCode, MpoError } from "@mpo/core";
import {
  cacheFolder,
  fashionMnistFolder,
  type ImageSet,
  loadFashionMnist,
  loadImageFolder,
  type Part,
  type PictureForm,
  readClassNames,
  SET_LOADERS,
} from "@mpo/datasets";
import { headOf, type Model, type ModelGraph, pictureFormOf } from "@mpo/engine";
import type { Files, Output, Stop } from "../command-context.ts";
import { DATASET_FILES, type DatasetName } from "../options/dataset-options.ts";
import type { InputOptions } from "../options/input-options.ts";
import { fitClasses } from "./fit-classes.ts";
import { requireFitting } from "./load-model.ts";
import { reportInput } from "./report-input.ts";

/** Which data a command works on, as its options say. */
export interface DatasetOptions extends Pick<InputOptions, "inputFit" | "inputFilter"> {
  readonly dataset: DatasetName;
  /** The folder of its files, where it has no place of its own. */
  readonly data?: string;
  /** Side in pixels to which a folder's images are brought. */
  readonly imageSize?: number;
}

/** Of a folder's pictures, where no model says. */
const DEFAULT_FORM: PictureForm = { height: 32, width: 32, channels: 3 };

/**
 * Loads a part of a data set, and says in a line what it holds. Fashion-MNIST lies where the set-up put it; the others
 * need a folder. Throws what the readers throw.
 */
export async function loadDataset(
  options: DatasetOptions,
  part: Part,
  { environment, workingFolder, signal, terminal }: Files & Output & Stop,
  graph?: ModelGraph,
): Promise<ImageSet> {
  const form = (graph && pictureFormOf(graph)) ?? DEFAULT_FORM;
  const { dataset: name, data, imageSize, inputFit: fit = form.fit, inputFilter: filter = form.filter } = options;
  const folder = data === undefined ? defaultFolder(name, environment) : resolve(workingFolder, data);
  if (folder === undefined) {
    throw new MpoError("invalid-argument", `--dataset ${name} needs to know which folder`, { hint: hintFor(name) });
  }
  const size = imageSize === undefined ? {} : { height: imageSize, width: imageSize };
  const common = { signal, note: terminal.note };
  const load = {
    ...SET_LOADERS,
    "fashion-mnist": loadFashionMnist,
    folder: () => loadImageFolder(folder, { ...form, ...size, fit, filter, part, ...common }),
  }[name];
  return await load(folder, part, common).catch((thrown: unknown) => {
    throw hasCode(thrown, "not-found") ? thrown.with({ hint: thrown.hint ?? hintFor(name) }) : thrown;
  });
}

/**
 * Loads the test part of a data set for a model, stored at `path` if anywhere: a folder's pictures at the size that the
 * model takes, with labels as the model counts its classes. Throws `invalid-argument` where they do not fit, and as
 * `loadDataset` does.
 */
export async function loadTestImages(
  options: DatasetOptions,
  model: Model,
  path: string | undefined,
  context: Files & Output & Stop,
): Promise<ImageSet> {
  const set = await loadDataset(options, "test", context, model.graph);
  const names = path === undefined ? undefined : await readClassNames(path, { signal: context.signal });
  const count = headOf(model.graph).classes;
  const name = path ?? model.graph.name;
  const fitted = fitClasses(set, { name, count, names });
  if (options.dataset === "folder" && names === undefined) {
    context.terminal.note(`${name} names no classes: its outputs are taken for the folder's classes in this order`);
  }
  requireFitting(model, fitted, name);
  if (path !== undefined) reportInput(model, fitted, name, context);
  return fitted;
}

function defaultFolder(name: DatasetName, environment: Files["environment"]): string | undefined {
  if (name === "fashion-mnist") return fashionMnistFolder(environment, homedir());
  return name === "cifar10" ? join(cacheFolder(environment, homedir()), "cifar-10-batches-bin") : undefined;
}

function hintFor(name: DatasetName): string {
  return `Add --data FOLDER; it holds ${DATASET_FILES[name]}.`;
}
