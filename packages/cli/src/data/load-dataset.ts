import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { MpoError } from "@mpo/core";
import {
  cacheFolder,
  createRandom,
  fashionMnistFolder,
  type ImageSet,
  loadCifar10,
  loadFashionMnist,
  loadImageFolder,
  loadNpyFolder,
  type TrainTest,
  takeImages,
} from "@mpo/datasets";
import type { Files, Stop } from "../command-context.ts";
import { DATASET_FILES, type DatasetName } from "../options/dataset-options.ts";

/** Which data a command works on, as its options say. */
export interface DatasetOptions {
  readonly dataset: DatasetName;
  /** The folder of its files, where it has no place of its own. */
  readonly data?: string;
  /** Side in pixels to which a folder's images are brought. */
  readonly imageSize?: number;
}

const DEFAULT_IMAGE_SIZE = 32;
/** Share of a folder's images that is set aside for testing, where nothing else says which. */
const TEST_SHARE = 0.2;

/**
 * Loads a data set. Fashion-MNIST lies where the set-up put it; `cifar10` needs the folder of its binary version;
 * `folder` needs one with a sub-folder of PNG or JPEG files for each class, of which every fifth image (seeded) is kept
 * for testing; `npy` one with `images.npy` and `labels.npy`, split the same way. Throws what the readers throw.
 */
export async function loadDataset(
  { dataset: name, data, imageSize }: DatasetOptions,
  { environment, workingFolder, signal }: Files & Stop,
): Promise<TrainTest> {
  const folder = data === undefined ? defaultFolder(name, environment) : resolve(workingFolder, data);
  if (folder === undefined) {
    throw new MpoError("invalid-argument", `--dataset ${name} needs to know which folder`, { hint: hintFor(name) });
  }
  const side = imageSize ?? DEFAULT_IMAGE_SIZE;
  return await read(name, folder, side, signal).catch((thrown: unknown) => {
    if (!(thrown instanceof MpoError) || thrown.code !== "not-found" || thrown.hint !== undefined) throw thrown;
    throw new MpoError(thrown.code, thrown.message, { hint: hintFor(name), cause: thrown });
  });
}

function defaultFolder(name: DatasetName, environment: Files["environment"]): string | undefined {
  if (name === "fashion-mnist") return fashionMnistFolder(environment, homedir());
  return name === "cifar10" ? join(cacheFolder(environment, homedir()), "cifar-10-batches-bin") : undefined;
}

function hintFor(name: DatasetName): string {
  return `Add --data FOLDER; it holds ${DATASET_FILES[name]}.`;
}

async function read(name: DatasetName, folder: string, side: number, signal: AbortSignal): Promise<TrainTest> {
  switch (name) {
    case "fashion-mnist":
      return await loadFashionMnist(folder, { signal });
    case "cifar10":
      return await loadCifar10(folder, { signal });
    case "folder":
      return splitForTesting(await loadImageFolder(folder, { height: side, width: side, channels: 3, signal }));
    case "npy":
      return splitForTesting(await loadNpyFolder(folder, { signal }));
  }
}

/** Classes of a set: as named, else as its labels need. */
export function classCount({ classNames, labels }: ImageSet): number {
  if (classNames !== undefined) return classNames.length;
  return 1 + (labels?.reduce((most, label) => Math.max(most, label), 0) ?? 0);
}

/** Always the same split, so that what was trained on is never tested on. */
function splitForTesting(set: ImageSet): TrainTest {
  const order = createRandom(0).shuffled(Array.from({ length: set.count }, (_, index) => index));
  const tested = Math.max(1, Math.round(TEST_SHARE * set.count));
  return { train: takeImages(set, order.slice(tested)), test: takeImages(set, order.slice(0, tested)) };
}
