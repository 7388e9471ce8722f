import { MpoError, rolloutFaults } from "@mpo/core";
import type { Files, Stop } from "../command-context.ts";
import { type CheckedFile, faultLines, inOrder, placeOf, readWritten } from "../written/written-file.ts";
import { readYaml } from "./yaml-file.ts";

/** A rollout's file as a person wrote it. */
export interface RolloutFile extends CheckedFile {
  readonly value: unknown;
}

/** Reads and checks a rollout's file, or standard input: `-`. `name` takes the place of the file's own. */
export async function readRolloutFile(
  path: string,
  { workingFolder, signal }: Pick<Files, "workingFolder"> & Stop,
  name?: string,
): Promise<RolloutFile> {
  return { place: placeOf(path), ...checkRollout(await readWritten(path, { workingFolder, signal }), name) };
}

/** What a rollout's text says, and all that is wrong with it. */
export function checkRollout(text: string, name?: string): Omit<RolloutFile, "place"> {
  const { value, faults, locate } = readYaml(text);
  if (faults.length > 0) return { value, faults: inOrder(faults) };
  const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
  const named = name !== undefined && isObject ? { ...value, name } : value;
  return { value: named, faults: inOrder(rolloutFaults(named).map(locate)) };
}

/** The file's value. Throws `invalid-data` with all that is wrong with it. */
export function soundValue(file: RolloutFile): unknown {
  if (file.faults.length === 0) return file.value;
  throw new MpoError("invalid-data", faultLines(file).join("\n"), {
    hint: "What a file may say: deploy/guides/rollouts.md, or deploy/schemas/rollout.schema.json in an editor.",
  });
}
