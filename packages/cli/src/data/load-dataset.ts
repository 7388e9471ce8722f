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
  type TrainTest,
  takeImages,
} from "@mpo/datasets";
import type { CommandContext } from "../run-cli.ts";

/** Which data a command works on, as its options say. */
export interface DatasetOptions {
  readonly dataset: string;
  /** Where CIFAR-10's files or the folder of images are. */
  readonly data?: string;
  /** Side in pixels to which a folder's images are brought. */
  readonly imageSize?: number;
}

const DATASETS = ["fashion-mnist", "cifar10", "folder"];
const DEFAULT_IMAGE_SIZE = 32;
/** Share of a folder's images that is set aside for testing. */
const TEST_SHARE = 0.2;

/**
 * Loads a data set. Fashion-MNIST lies where the set-up put it; `cifar10` needs the folder of its binary version;
 * `folder` needs one with a sub-folder of PNG or JPEG files for each class, of which every fifth image (seeded) is kept
 * for testing. Throws `invalid-argument` for an unknown name, and what the readers throw.
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
      return await loadCifar10(folder ?? join(cacheFolder(environment, homedir()), "cifar-10-batches-bin"), { signal });
    case "folder": {
      if (folder === undefined) {
        throw new MpoError("invalid-argument", "--dataset folder needs to know which folder", {
          hint: "Add --data FOLDER; it holds one sub-folder of PNG or JPEG files for each class.",
        });
      }
      const side = imageSize ?? DEFAULT_IMAGE_SIZE;
      return splitForTesting(await loadImageFolder(folder, { height: side, width: side, channels: 3, signal }));
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

/** Always the same split, so that what was trained on is never tested on. */
function splitForTesting(set: ImageSet): TrainTest {
  const order = createRandom(0).shuffled(Array.from({ length: set.count }, (_, index) => index));
  const tested = Math.max(1, Math.round(TEST_SHARE * set.count));
  return { train: takeImages(set, order.slice(tested)), test: takeImages(set, order.slice(0, tested)) };
}
