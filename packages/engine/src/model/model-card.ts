import { access, readFile } from "node:fs/promises";
import { join } from "node:path";
import { type Fact, MpoError } from "@mpo/core";
import { type Abortable, fileError, throwIfAborted, writeJsonFile } from "@mpo/io";
import { z } from "zod";
import { check, parseJson } from "./layers-format/checked-json.ts";
import { MODEL_FILE_MODE } from "./layers-format/write-layers-model.ts";
import { NORM_NAMES } from "./zoo/zoo-layers.ts";

/** Name of the card's file, which lies beside `model.json`. */
export const MODEL_CARD_FILE = "model-card.json";

const share = z.number().min(0).max(1);
const whole = z.number().int().positive();
/** Where a stored model comes from and what it can do. */
export type ModelCard = Fact<typeof schema>;
const schema = z.object({
  /** Name in the zoo, or of an imported model. */
  model: z.string().min(1),
  norm: z.enum(NORM_NAMES),
  inputShape: z.array(whole).min(1),
  classes: whole,
  /** The command that trained it, so that anyone can do it again. */
  trainingCommand: z.string(),
  seed: z.number().int(),
  /**
   * Shares of test images classified rightly, 0 to 1; by name of the corruption (for example `gaussian_noise`), the mean
   * over the severities that were measured.
   */
  accuracy: z.object({ clean: share, corruptions: z.record(z.string(), share) }),
});

/** Reads the card of the model in a folder. Throws `not-found`, `invalid-data` naming the place, `cancelled`. */
export async function readModelCard(folder: string, options: Abortable = {}): Promise<ModelCard> {
  const path = join(folder, MODEL_CARD_FILE);
  throwIfAborted(options.signal);
  const text = await readFile(path, "utf8").catch((thrown: unknown) => {
    throw fileError(thrown, "read", path);
  });
  return check(schema, parseJson(text, path), path);
}

/** Writes the card of the model in a folder, in one step. Throws `invalid-argument`, `not-found`, `cancelled`. */
export async function writeModelCard(folder: string, card: ModelCard, options: Abortable = {}): Promise<void> {
  const result = schema.safeParse(card);
  if (!result.success) {
    const [issue] = result.error.issues;
    throw new MpoError("invalid-argument", `model card: at ${issue?.path.join(".")}: ${issue?.message}`);
  }
  // Without its model a card is no use: the folder is not made.
  await access(folder).catch((thrown: unknown) => {
    throw fileError(thrown, "write the card in", folder);
  });
  await writeJsonFile(join(folder, MODEL_CARD_FILE), result.data, { ...options, mode: MODEL_FILE_MODE });
}
