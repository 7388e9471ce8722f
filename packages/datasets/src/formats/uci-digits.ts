import { noted } from "../images/describe-classes.ts";
import type { ImageSet } from "../images/image-set.ts";
import type { Part } from "../images/part.ts";
import type { ReadOptions } from "./data-file.ts";
import { type RowForm, readDigitRows } from "./digit-rows.ts";
import { partFile, type SetFiles } from "./set-files.ts";

/** As the UCI repository and scikit-learn call them; the latter's is UCI's test part alone. */
export const UCI_FILES: SetFiles = {
  train: /^optdigits\.tra(\.gz)?$/iu,
  test: /^optdigits\.tes(\.gz)?$/iu,
  whole: /^digits\.csv(\.gz)?$/iu,
};

const SIDE = 8;
/** Ink of a field of 4x4 pixels of the scanned form (Alpaydin and Kaynak 1998). */
const MOST_INK = 16;

const ROWS: RowForm = {
  side: SIDE,
  expected: "64 numbers of 0 to 16 and a digit, separated by commas",
  parse: (line) => {
    const numbers = line.split(",").map(Number);
    return { digit: numbers.at(-1)!, values: numbers.slice(0, -1).map((ink) => ink / MOST_INK) };
  },
};

/**
 * Loads a part of the UCI's Optical Recognition of Handwritten Digits: `optdigits.tra` and `optdigits.tes`, or scikit-learn's
 * `digits.csv`, of which a fifth is kept for testing; all also as `.gz`. Images of 8x8, values 0 to 16 as 0 to 1.
 * Throws as `readDigitRows` does.
 */
export async function loadUciDigits(folder: string, part: Part, options: ReadOptions = {}): Promise<ImageSet> {
  const { path, split } = await partFile(folder, part, UCI_FILES, "optdigits.tra and optdigits.tes, or digits.csv");
  return noted(split(await readDigitRows(path, ROWS, options)), path, options);
}
