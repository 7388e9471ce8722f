import { readFile } from "node:fs/promises";
import { gunzipSync } from "node:zlib";
import { MpoError } from "@mpo/core";
import { fileError, throwIfAborted } from "@mpo/io";
import type { ImageSet } from "../images/image-set.ts";
import { invalidData } from "./data-error.ts";
import type { ReadOptions } from "./data-file.ts";

/** Names of the ten classes. */
export const DIGIT_NAMES: readonly string[] = Array.from({ length: 10 }, (_, digit) => String(digit));

/** How a text says an image and its digit, one a line. */
export interface RowForm {
  /** Of the square image. */
  readonly side: number;
  /** The digit and the values of a line, which become 0 to 1; undefined: the line is not of this form. */
  readonly parse: (line: string) => { readonly digit: number; readonly values: ArrayLike<number> } | undefined;
  /** What a line should be, for messages. */
  readonly expected: string;
}

/** Reads a file of digits, plain or gzip, one image a line. Throws `not-found`, `invalid-data` (with the line) or `cancelled`. */
export async function readDigitRows(
  path: string,
  { side, parse, expected }: RowForm,
  options: ReadOptions = {},
): Promise<ImageSet> {
  throwIfAborted(options.signal);
  const text = unpacked(
    await readFile(path).catch((thrown: unknown) => {
      throw fileError(thrown, "read", path);
    }),
    path,
  );
  const lines = text.split("\n").map((line) => line.trim());
  const length = side * side;
  const images: number[] = [];
  const labels: number[] = [];
  let offsetBytes = 0;
  for (const [index, line] of lines.entries()) {
    if (line !== "") {
      const row = parse(line);
      const isWhole = row?.values.length === length && DIGIT_NAMES.includes(String(row.digit));
      if (row === undefined || !isWhole || !Array.from(row.values).every((value) => value >= 0 && value <= 1)) {
        throw invalidData(path, offsetBytes, expected, `line ${index + 1}: ${line.slice(0, 40)}`);
      }
      labels.push(row.digit);
      for (let i = 0; i < length; i++) images.push(row.values[i]!);
    }
    offsetBytes += line.length + 1;
  }
  if (labels.length === 0) throw invalidData(path, 0, expected, "no line");
  return {
    images: Float32Array.from(images),
    ...{ count: labels.length, height: side, width: side, channels: 1 },
    labels: Int32Array.from(labels),
    classNames: DIGIT_NAMES,
  };
}

function unpacked(bytes: Buffer, path: string): string {
  if (bytes.subarray(0, 3).toString("latin1") === "BZh") {
    throw new MpoError("unsupported", `${path}: is packed with bzip2`, { hint: `Unpack it: bunzip2 ${path}` });
  }
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes.toString("latin1");
  try {
    return gunzipSync(bytes).toString("latin1");
  } catch (thrown) {
    throw invalidData(path, 0, "a whole gzip stream", MpoError.from(thrown).message, { cause: thrown });
  }
}
