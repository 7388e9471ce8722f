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
import type { CommandContext } from "../run-cli.ts";

/** Which data a command works on, as its options say. */
export interface DatasetOptions {
  readonly dataset: string;
  /** The folder of its files, where it has no place of its own. */
  readonly data?: string;
  /** Side in pixels to which a folder's images are brought. */
  readonly imageSize?: number;
}

/** The names that `--dataset` takes. */
const DATASETS = ["fashion-mnist", "cifar10", "folder", "npy"];
const DEFAULT_IMAGE_SIZE = 32;
/** Share of a folder's images that is set aside for testing, where nothing else says which. */
const TEST_SHARE = 0.2;

/**
 * Loads a data set. Fashion-MNIST lies where the set-up put it; `cifar10` needs the folder of its binary version;
 * `folder` needs one with a sub-folder of PNG or JPEG files for each class, of which every fifth image (seeded) is kept
 * for testing; `npy` one with `images.npy` and `labels.npy`, split the same way. Throws `invalid-argument` for an unknown name, and what the readers throw.
 */
export async function loadDataset(
  { dataset, data, imageSize }: DatasetOptions,
  { environment, workingFolder, signal }: Pick<CommandContext, "environment" | "workingFolder" | "signal">,
): Promise<TrainTest> {
  const folder = data === undefined ? undefined : resolve(workingFolder, data);
  switch (dataset) {
    case "fashion-mnist":
      return await loadFashionMnist(folder ?? fashionMnistFolder(environment, homedir()), { signal });
    case "cifar10":
      return await withHint(
        loadCifar10(folder ?? join(cacheFolder(environment, homedir()), "cifar-10-batches-bin"), { signal }),
        "Add --data FOLDER; it holds data_batch_1.bin to data_batch_5.bin and test_batch.bin of CIFAR-10's binary version.",
      );
    case "folder": {
      const images = required(folder, dataset, "it holds one sub-folder of PNG or JPEG files for each class");
      const side = imageSize ?? DEFAULT_IMAGE_SIZE;
      return splitForTesting(await loadImageFolder(images, { height: side, width: side, channels: 3, signal }));
    }
    case "npy": {
      const contents = "it holds images.npy ([N, H, W] or [N, H, W, C]) and labels.npy ([N])";
      const arrays = required(folder, dataset, contents);
      return splitForTesting(await withHint(loadNpyFolder(arrays, { signal }), `Give --data a folder; ${contents}.`));
    }
    default:
      throw new MpoError("invalid-argument", `--dataset ${dataset} is unknown; expected ${DATASETS.join(", ")}`);
  }
}

/** Classes of a set: as named, else as its labels need. */
export function classCount({ classNames, labels }: ImageSet): number {
  if (classNames !== undefined) return classNames.length;
  return 1 + (labels?.reduce((most, label) => Math.max(most, label), 0) ?? 0);
}

function required(folder: string | undefined, dataset: string, contents: string): string {
  if (folder !== undefined) return folder;
  throw new MpoError("invalid-argument", `--dataset ${dataset} needs to know which folder`, {
    hint: `Add --data FOLDER; ${contents}.`,
  });
}

/** Says what to do where a file is missing. */
async function withHint<T>(loading: Promise<T>, hint: string): Promise<T> {
  return await loading.catch((thrown: unknown) => {
    if (!(thrown instanceof MpoError) || thrown.code !== "not-found" || thrown.hint !== undefined) throw thrown;
    throw new MpoError(thrown.code, thrown.message, { hint, cause: thrown });
  });
}

/** Always the same split, so that what was trained on is never tested on. */
function splitForTesting(set: ImageSet): TrainTest {
  const order = createRandom(0).shuffled(Array.from({ length: set.count }, (_, index) => index));
  const tested = Math.max(1, Math.round(TEST_SHARE * set.count));
  return { train: takeImages(set, order.slice(tested)), test: takeImages(set, order.slice(0, tested)) };
}
