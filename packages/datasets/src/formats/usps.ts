import { readFile } from "node:fs/promises";
import { extname } from "node:path";
import type { MpoError } from "@mpo/core";
import { fileError, throwIfAborted } from "@mpo/io";
import { noted } from "../images/describe-classes.ts";
import type { ImageSet } from "../images/image-set.ts";
import type { Part } from "../images/part.ts";
import { invalidData } from "./data-error.ts";
import type { ReadOptions } from "./data-file.ts";
import { DIGIT_NAMES, type RowForm, readDigitRows } from "./digit-rows.ts";
import { type Hdf5Group, isHdf5Array, withHdf5 } from "./hdf5.ts";
import { partFile, type SetFiles } from "./set-files.ts";

/** As LIBSVM's page (`usps`, `usps.t`) and that of The Elements of Statistical Learning (`zip.train`) call them, and `.h5`. */
export const USPS_FILES: SetFiles = {
  train: /^(usps(\.train)?|zip\.train)(\.gz|\.bz2)?$/iu,
  test: /^(usps\.t(est)?|zip\.test)(\.gz|\.bz2)?$/iu,
  whole: /^usps\.(h5|hdf5)$/iu,
};

const SIDE = 16;
const PIXELS = SIDE * SIDE;

/** Values of -1 to 1 as 0 to 1, cut where rounding went over. */
const unit = (value: number): number => Math.min(1, Math.max(0, (value + 1) / 2));

/** LIBSVM counts digits from 1 and leaves out zeros. */
const LIBSVM_LINE = /^\d+(\s+\d+:\S+)+$/u;
const ROWS: RowForm = {
  side: SIDE,
  expected: "a digit and 256 numbers of -1 to 1, separated by spaces, or LIBSVM's `digit+1 1:value ...`",
  parse: (line) => {
    const [first = "", ...rest] = line.split(/\s+/u);
    if (!LIBSVM_LINE.test(line)) return { digit: Number(first), values: rest.map((text) => unit(Number(text))) };
    const values = new Float32Array(PIXELS).fill(unit(0));
    for (const text of rest) {
      const [position, value] = text.split(":").map(Number);
      if (position === undefined || position < 1 || position > PIXELS) return undefined;
      values[position - 1] = unit(value!);
    }
    return { digit: Number(first) - 1, values };
  },
};

/**
 * Loads a part of USPS: LIBSVM's `usps` and `usps.t`, `zip.train` and `zip.test`, or an `.h5` file with `data` and `target`
 * in the groups `train` and `test`. Images of 16x16, values 0 to 1. Throws as `readDigitRows` does.
 */
export async function loadUsps(folder: string, part: Part, options: ReadOptions = {}): Promise<ImageSet> {
  const { path } = await partFile(folder, part, USPS_FILES, "usps and usps.t, zip.train and zip.test, or usps.h5");
  const isHdf5 = /^\.(h5|hdf5)$/iu.test(extname(path));
  const set = isHdf5 ? await readUspsHdf5(path, part, options) : await readDigitRows(path, ROWS, options);
  return noted(set, path, options);
}

async function readUspsHdf5(path: string, part: Part, { signal }: ReadOptions): Promise<ImageSet> {
  throwIfAborted(signal);
  const bytes = await readFile(path).catch((thrown: unknown) => {
    throw fileError(thrown, "read", path);
  });
  const wrong = (found: string): MpoError =>
    invalidData(path, 0, `an HDF5 file with ${part}/data [N, 256] of 0 to 1 and ${part}/target [N]`, found);
  return await withHdf5(
    bytes,
    path,
    (root) => setOf(root, part, wrong),
    () => wrong("something else"),
  );
}

function setOf(root: Hdf5Group, part: Part, wrong: (found: string) => MpoError): ImageSet {
  const group = root.keys.includes(part) ? root.get(part) : undefined;
  if (group === undefined || isHdf5Array(group)) throw wrong(`no group ${part}`);
  const [data, target] = ["data", "target"].map((name) => (group.keys.includes(name) ? group.get(name) : undefined));
  if (data === undefined || target === undefined || !isHdf5Array(data) || !isHdf5Array(target)) {
    throw wrong(`${part}: ${group.keys.join(", ")}`);
  }
  const images = Float32Array.from(data.value);
  const labels = Int32Array.from(target.value);
  if (images.length !== labels.length * PIXELS || labels.length === 0) throw wrong(`data [${data.shape}]`);
  if (images.some((value) => !(value >= 0 && value <= 1))) throw wrong("values outside of 0 to 1");
  if (labels.some((label) => DIGIT_NAMES[label] === undefined)) throw wrong("a target that is not a digit");
  return { images, labels, count: labels.length, height: SIDE, width: SIDE, channels: 1, classNames: DIGIT_NAMES };
}
