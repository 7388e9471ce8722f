import { z } from "zod";
import type { Size2D, WindowAttributes } from "../model-graph.ts";

export const whole = z.number().int().positive();
export const size = z.union([whole.transform((extent): Size2D => [extent, extent]), z.tuple([whole, whole])]);
export const paddingName = z.enum(["same", "valid"]);
export const channelsLast = z.literal("channels_last").nullish();
export const flag = z.boolean().default(true);
export const epsilon = z.number().default(1e-3);
export const axisNumber = z.union([z.number(), z.tuple([z.number()]).transform(([axis]) => axis)]).default(-1);
export const numbers = z.union([z.number().transform((value) => [value]), z.array(z.number()).min(1)]);
/** Of Normalization: Keras nests its numbers in the shape of the input. */
export const nestedNumbers = z.preprocess(
  (value) => (Array.isArray(value) ? value.flat(Number.POSITIVE_INFINITY) : value),
  numbers.nullish(),
);
/** Of Dropout: what falls out together. */
export const noiseShape = z
  .union([
    z.null("only a mask for each value, whole channels or whole samples is supported"),
    z.tuple([z.null(), z.literal(1), z.literal(1), z.literal(1)]).transform(() => "samples" as const),
    z.tuple([z.null(), z.literal(1), z.literal(1), z.union([z.null(), whole])]).transform(() => "channels" as const),
  ])
  .default(null);
/** Keras 3 may write a function as an object; an activation may also be a layer. */
export const activationName = z
  .union([
    z.string(),
    z.object({ class_name: z.literal("function"), config: z.string() }).transform(({ config }) => config),
    z.object({ class_name: z.string(), config: z.unknown() }),
  ])
  .nullish();
export type ActivationJson = z.infer<typeof activationName>;
export const convFields = {
  kernel_size: size,
  strides: size.default([1, 1]),
  padding: paddingName.default("valid"),
  dilation_rate: size.default([1, 1]),
  data_format: channelsLast,
  use_bias: flag,
  activation: activationName,
};

export function paddings(): z.ZodType<readonly [Size2D, Size2D]> {
  const count = z.number().int().nonnegative();
  return z.union([
    z.tuple([z.tuple([count, count]), z.tuple([count, count])]),
    z.tuple([count, count]).transform(([rows, columns]): [Size2D, Size2D] => [
      [rows, rows],
      [columns, columns],
    ]),
    count.transform((extent): [Size2D, Size2D] => [
      [extent, extent],
      [extent, extent],
    ]),
  ]);
}

interface ConvConfig {
  readonly kernel_size: Size2D;
  readonly strides: Size2D;
  readonly padding: "same" | "valid";
  readonly dilation_rate: Size2D;
}

/** TensorFlow's depthwise convolution strides alike in both directions, and does not stride when it is dilated. */
export function hasEqualSteps({ strides: [down, right], dilation_rate: dilation }: ConvConfig): boolean {
  return down === right && (down === 1 || (dilation[0] === 1 && dilation[1] === 1));
}

export function windowOf(config: ConvConfig): WindowAttributes {
  const { kernel_size: kernelSize, strides, padding, dilation_rate: dilation } = config;
  return { kernelSize, strides, padding, dilation };
}
