import { CORRUPTION_NAMES } from "@mpo/datasets";
import { type Command, Option } from "commander";
import { choice } from "./choice.ts";
import { wholeNumber } from "./parsers.ts";

/** The data sets that commands work on by name, with what `--data` holds of them. */
export const DATASET_FILES = {
  "fashion-mnist": "its four IDX files; by default where the set-up put them",
  idx: "the four IDX files of MNIST, EMNIST and their kind",
  cifar10: "data_batch_1.bin to data_batch_5.bin and test_batch.bin of its binary version",
  cifar100: "train.bin and test.bin of its binary version",
  "uci-digits": "optdigits.tra and optdigits.tes of the UCI, or scikit-learn's digits.csv",
  usps: "usps and usps.t (LIBSVM), zip.train and zip.test, or usps.h5",
  folder: "one sub-folder of pictures for each class",
  npy: "images.npy ([N, H, W] or [N, H, W, C]) and labels.npy ([N]), an .npz file, or one .npy file with labels.npy beside it",
} as const;

export type DatasetName = keyof typeof DATASET_FILES;
export const DATASET_NAMES = Object.keys(DATASET_FILES) as readonly DatasetName[];

/** Adds the options that say which images a command works on. */
export function addDatasetOptions(command: Command): Command {
  return command
    .addOption(choice("--dataset <name>", "images to work on", DATASET_NAMES, "fashion-mnist"))
    .addOption(dataOption())
    .option(
      "--image-size <pixels>",
      "side to which a folder's images are brought (default: the model's, else 32)",
      wholeNumber(8, 512),
    );
}

export function dataOption(): Option {
  const files = DATASET_NAMES.map((name) => `${name}: ${DATASET_FILES[name]}`).join("; ");
  return new Option("--data <folder>", `where it lies (${files})`);
}

export function severityOption(): Option {
  return new Option("--severity <1..5>", SEVERITY).argParser(wholeNumber(1, 5)).default(5);
}

/** Of one, or of several. */
export const SEVERITY = "how badly the images are damaged";

/** Adds the options that say how the images are damaged. */
export function addDriftOptions(command: Command, standard: string): Command {
  return command
    .addOption(choice("--corruption <name>", "how the images are damaged", ["clean", ...CORRUPTION_NAMES], standard))
    .addOption(severityOption())
    .addOption(frostOption());
}

/** Which frost the corruption of this name is. */
export function frostOption(): Option {
  const files = "the authors' photographs, frost1.png to frost5.jpg";
  return new Option(
    "--frost-pictures <folder>",
    `blend ${files}, where images are damaged by frost (default: drawn ice)`,
  );
}
