import { MpoError } from "@mpo/core";
import { z } from "zod";
import { axisNumber, nestedNumbers, numbers } from "./layer-fields.ts";
import { type LayerImport, type LayerPlace, layer, oneNode, onMap, requireLastAxis } from "./layer-place.ts";

/** Keras divides by no less. */
const SMALLEST_DEVIATION = 1e-7;

/** Layers that multiply and add numbers, fixed or trained. */
export const ARITHMETIC_LAYERS: Readonly<Record<string, LayerImport>> = {
  Normalization: oneNode(
    "affine",
    z.object({
      axis: z.union([z.null(), axisNumber]).default(-1),
      mean: nestedNumbers,
      variance: nestedNumbers,
      invert: z.literal(false, "only false is supported").nullish(),
    }),
    (config, place) => {
      if (config.axis !== null) requireLastAxis(config.axis, place);
      place.weight("count", 2);
      const mean = config.mean ?? [...(place.weight("mean", 0) ?? [])];
      const variance = config.variance ?? [...(place.weight("variance", 1) ?? [])];
      const scale = variance.map((value) => 1 / Math.max(Math.sqrt(value), SMALLEST_DEVIATION));
      return { scale, offset: mean.map((value, channel) => -value * (scale[channel] ?? Number.NaN)) };
    },
  ),
  Rescaling: oneNode("affine", z.object({ scale: numbers, offset: numbers.default([0]) }), (attributes) => attributes),
  /** Of Keras' ConvNeXt: a trained number for each channel. */
  LayerScale: layer(z.object({}), (_config, place) => {
    const { g, name, weightFrom } = place;
    weightFrom(`${name}/depthwise_kernel`, `${name}/gamma`);
    return onMap(place, (x) => g.depthwiseConv2d(x, { kernelSize: 1, useBias: false }, name));
  }),
};

/** Arithmetic with one number, or one for each channel: "x / 127.5 - 1" of Keras' own preprocess_input. */
export function withConstants(className: string, { g, name, inputs, constants }: LayerPlace): string {
  const line: Readonly<Record<string, readonly [scale: readonly number[], offset: readonly number[]]>> = {
    Add: [[1], constants],
    Subtract: [[1], constants.map((value) => -value)],
    Multiply: [constants, [0]],
    TrueDivide: [constants.map((value) => 1 / value), [0]],
    Divide: [constants.map((value) => 1 / value), [0]],
  };
  const found = line[className];
  if (found === undefined || inputs.length !== 1) {
    throw new MpoError(
      "unsupported",
      `it calculates with the numbers ${constants.slice(0, 4).join(", ")}; expected x + a, x - a, x * a or x / a`,
    );
  }
  return g.append("affine", inputs, { scale: found[0], offset: found[1] }, name);
}
