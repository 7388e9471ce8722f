import { rm } from "node:fs/promises";
import { join } from "node:path";
import { MpoError } from "@mpo/core";
import { type Model, readLayersModel, writeLayersModel } from "@mpo/engine";
import { ifFound, readJsonFile, writeJsonFile } from "@mpo/io";

const FOLDER = "checkpoint";
const STATE_FILE = "training.json";

/** The options that make a training what it is: a training continues only under the same ones. */
export interface TrainingIdentity {
  readonly model: string;
  readonly norm: string;
  readonly dataset: string;
  readonly batch: number;
  readonly epochs: number;
  readonly seed: number;
  readonly peakRate: number;
  readonly trainImages: number;
  /** What it makes of images. */
  readonly input: string;
}

export interface TrainingCheckpoint {
  readonly model: Model;
  readonly step: number;
}

/** Writes an unfinished training into `<output>/checkpoint`: the weights, then how far they are. */
export async function writeCheckpoint(
  output: string,
  identity: TrainingIdentity,
  { model, step }: TrainingCheckpoint,
): Promise<void> {
  await writeLayersModel(model, join(output, FOLDER));
  await writeJsonFile(join(output, FOLDER, STATE_FILE), { ...identity, step });
}

/**
 * Throws `conflict` when the folder holds an unfinished training, so that hours of work are not written over by a
 * forgotten option.
 */
export async function requireNoCheckpoint(output: string, signal: AbortSignal): Promise<void> {
  const path = join(output, FOLDER, STATE_FILE);
  // One that cannot be read cannot be resumed either.
  const state = await ifFound(readJsonFile(path, { signal }), "invalid-data");
  if (state === undefined) return;
  const { step } = Object(state) as { readonly step?: unknown };
  throw new MpoError("conflict", `${join(output, FOLDER)} holds an unfinished training (${step} steps)`, {
    hint: "Add --resume to continue it; or choose another --output, or delete that folder.",
  });
}

/**
 * Reads it again. Throws `not-found` when there is none, `conflict` when it is of a training with other options,
 * `invalid-data` when it is damaged.
 */
export async function readCheckpoint(
  output: string,
  identity: TrainingIdentity,
  signal: AbortSignal,
): Promise<TrainingCheckpoint> {
  const path = join(output, FOLDER, STATE_FILE);
  const state = (await readJsonFile(path, { signal })) as Record<string, unknown> | null;
  for (const [name, value] of Object.entries(identity)) {
    if (state?.[name] !== value) {
      throw new MpoError("conflict", `${path}: ${name} is ${JSON.stringify(state?.[name])}, not ${value}`, {
        hint: "Resume with the options that the training began with, or train without --resume.",
      });
    }
  }
  const step = state?.["step"];
  if (typeof step !== "number" || !Number.isSafeInteger(step) || step < 0) {
    throw new MpoError("invalid-data", `${path}: step is ${JSON.stringify(step)}; expected a whole number`);
  }
  return { model: await readLayersModel(join(output, FOLDER), { signal }), step };
}

/** Removes the checkpoint of a training that is finished. */
export async function removeCheckpoint(output: string): Promise<void> {
  await rm(join(output, FOLDER), { recursive: true, force: true });
}
