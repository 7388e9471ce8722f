import { type Fact, MpoError } from "@mpo/core";
import type { Abortable } from "@mpo/io";
import { z } from "zod";
import type { PictureForm } from "../formats/picture.ts";
import { readJsonBeside } from "./beside-model.ts";
import { inputFormSchema, pictureForm } from "./input-form.ts";
import { readMetadata } from "./teachable-machine.ts";

/** Name of the card's file, next to `model.json`. */
export const MODEL_CARD_FILE = "model-card.json";

/** What of a card is read without the model itself. */
export const statementSchema = z.object({
  /** Absent: it is not stated. */
  input: inputFormSchema.optional(),
  /** Names of the classes, by label, where the images had any. */
  classNames: z.array(z.string()).optional(),
  inputShape: z.array(z.number().int().positive()).optional().catch(undefined),
});

/**
 * What is stated of a model's input and classes: by its card, however little else that says, else by Teachable Machine's
 * metadata. Throws `invalid-data`, `cancelled`.
 */
export async function readStatement(model: string, options: Abortable = {}): Promise<Fact<typeof statementSchema>> {
  const card = await readJsonBeside(statementSchema, model, MODEL_CARD_FILE, options);
  if (card?.input !== undefined && card.classNames !== undefined) return card;
  return { ...(await readMetadata(model, options)), ...card };
}

/** The pictures that a model takes, as stated: nothing reads the model itself. Throws as `readStatement` does. */
export async function readPictureForm(model: string, options: Abortable = {}): Promise<PictureForm> {
  const { inputShape = [], input } = await readStatement(model, options);
  const form = pictureForm(inputShape, input);
  if (form !== undefined) return form;
  const remedy = `state it by mpo models describe ${model} --write-card`;
  throw new MpoError("invalid-data", `${model}: no ${MODEL_CARD_FILE} states an inputShape of images; ${remedy}`);
}
