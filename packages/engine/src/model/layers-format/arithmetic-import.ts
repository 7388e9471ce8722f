import { MpoError } from "@mpo/core";
import type { LayerPlace } from "./layer-place.ts";

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
