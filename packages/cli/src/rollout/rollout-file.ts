import { open } from "node:fs/promises";
import { resolve } from "node:path";
import { addAbortSignal } from "node:stream";
import { MpoError, rolloutFaults } from "@mpo/core";
import { bytesWithin, fileError } from "@mpo/io";
import type { Files, Stop } from "../command-context.ts";
import { type FileFault, readYaml } from "./yaml-file.ts";

/** A rollout's file as a person wrote it. */
export interface RolloutFile {
  /** As it is shown: "standard input", or as it was given. */
  readonly place: string;
  readonly value: unknown;
  /** All that is wrong with it, in the order of its lines. */
  readonly faults: readonly FileFault[];
}

/** Bytes; a coordinator takes less, but comments are not sent. */
const MAX_BYTES = 65_536;

/** Reads and checks a rollout's file, or standard input: `-`. `name` takes the place of the file's own. */
export async function readRolloutFile(
  path: string,
  { workingFolder, signal }: Pick<Files, "workingFolder"> & Stop,
  name?: string,
): Promise<RolloutFile> {
  const place = path === "-" ? "standard input" : path;
  return { place, ...checkRollout(await textOf(path, place, { workingFolder, signal }), name) };
}

/** What a rollout's text says, and all that is wrong with it. */
export function checkRollout(text: string, name?: string): Omit<RolloutFile, "place"> {
  const { value, faults, locate } = readYaml(text);
  if (faults.length > 0) return { value, faults: inOrder(faults) };
  const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
  const named = name !== undefined && isObject ? { ...value, name } : value;
  return { value: named, faults: inOrder(rolloutFaults(named).map(locate)) };
}

function inOrder(faults: readonly FileFault[]): readonly FileFault[] {
  return faults.toSorted((left, right) => left.line - right.line || left.column - right.column);
}

/** `rollout.yaml:3:5: change.rul is not known; did you mean rule?`, one line for each mistake. */
export function faultLines({ place, faults }: RolloutFile): readonly string[] {
  return faults.map(({ line, column, message }) => `${place}:${line}:${column}: ${message}`);
}

/** The file's value. Throws `invalid-data` with all that is wrong with it. */
export function soundValue(file: RolloutFile): unknown {
  if (file.faults.length === 0) return file.value;
  throw new MpoError("invalid-data", faultLines(file).join("\n"), {
    hint: "What a file may say: deploy/guides/rollouts.md, or deploy/schemas/rollout.schema.json in an editor.",
  });
}

async function textOf(
  path: string,
  place: string,
  { workingFolder, signal }: Pick<Files, "workingFolder"> & Stop,
): Promise<string> {
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
