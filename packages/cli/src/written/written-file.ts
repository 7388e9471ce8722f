import { open } from "node:fs/promises";
import { resolve } from "node:path";
import { addAbortSignal } from "node:stream";
import { MpoError } from "@mpo/core";
import { bytesWithin, fileError } from "@mpo/io";
import type { Files, Stop } from "../command-context.ts";

/** Something wrong with a file that a person wrote, and where, both counted from 1. */
export interface FileFault {
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

/** Such a file as it is shown ("standard input", or as it was given), and all that is wrong with it. */
export interface CheckedFile {
  readonly place: string;
  readonly faults: readonly FileFault[];
}

/** Bytes; more than anybody writes by hand. */
const MAX_BYTES = 65_536;

/** How a file is shown. */
export function placeOf(path: string): string {
  return path === "-" ? "standard input" : path;
}

/** The text of a file, or of standard input: `-`. Throws `invalid-data` for what is too long or not text. */
export async function readWritten(
  path: string,
  { workingFolder, signal }: Pick<Files, "workingFolder"> & Stop,
): Promise<string> {
  const place = placeOf(path);
  try {
    await using file = path === "-" ? undefined : await open(resolve(workingFolder, path), "r");
    const stream = file?.createReadStream({ autoClose: false }) ?? process.stdin;
    const bytes = await bytesWithin(addAbortSignal(signal, stream), MAX_BYTES);
    if (bytes === undefined) throw new MpoError("invalid-data", `${place} has more than ${MAX_BYTES / 1024} KiB`);
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (thrown) {
    if (thrown instanceof TypeError)
      throw new MpoError("invalid-data", `${place} is not text in UTF-8`, { cause: thrown });
    throw thrown instanceof MpoError ? thrown : fileError(thrown, "read", place);
  }
}

export function inOrder(faults: readonly FileFault[]): readonly FileFault[] {
  return faults.toSorted((left, right) => left.line - right.line || left.column - right.column);
}

/** `rollout.yaml:3:5: change.rul is not known; did you mean rule?`, one line for each mistake. */
export function faultLines({ place, faults }: CheckedFile): readonly string[] {
  return faults.map(({ line, column, message }) => `${place}:${line}:${column}: ${message}`);
}
