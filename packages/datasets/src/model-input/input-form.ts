import type { Fact } from "@mpo/core";
import { z } from "zod";
import type { PictureForm } from "../formats/picture.ts";
import { FILTERS, FITS } from "../formats/resizing.ts";

export const INPUT_RANGES = ["unit", "symmetric", "bytes"] as const;
export const INPUT_ORDERS = ["rgb", "bgr"] as const;

/** What a model takes for an image: a card's `input`. */
export type InputForm = Fact<typeof inputFormSchema>;
export const inputFormSchema = z.strictObject({
  /**
   * 0..1, -1..1 or 0..255; or values of 0..1 minus the mean, divided by the deviation: one of each, or one for each of the
   * model's channels.
   */
  range: z.union([
    z.enum(INPUT_RANGES),
    z.strictObject({ mean: z.array(z.number()).min(1), deviation: z.array(z.number().positive()).min(1) }),
  ]),
  /** Of its channels; default: rgb. */
  order: z.enum(INPUT_ORDERS).optional(),
  /** How pictures of other sizes are brought to its own; default: stretch. */
  fit: z.enum(FITS).optional(),
  /** What their pixels are then made of; default: lanczos3. */
  filter: z.enum(FILTERS).optional(),
});

/** The pictures for inputs of a shape: without a last axis, grey ones. Undefined for inputs that are no images. */
export function pictureForm(shape: readonly number[], form?: InputForm): PictureForm | undefined {
  const [height, width, channels = 1] = shape;
  if (height === undefined || width === undefined || shape.length > 3) return undefined;
  return { height, width, channels, fit: form?.fit, filter: form?.filter };
}
