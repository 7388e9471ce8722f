import { MpoError } from "@mpo/core";
import { type AxisMap, applyAxes, axesScratchLength, axisMap, bilinearAxis, nearestAxis } from "./axis-map.ts";
import { type ImageSet, imageAt } from "./image-set.ts";

/** `pad` centres the image on black and never shrinks; the others stretch. */
export type ResizeMethod = "nearest" | "bilinear" | "pad";

export interface ResizeTarget {
  readonly height: number;
  readonly width: number;
  /** Left out: as in the source. */
  readonly channels?: number;
  /** `bilinear` when left out. */
  readonly method?: ResizeMethod;
}

/** Weights of red, green and blue in brightness (ITU-R BT.601). */
export const LUMA_WEIGHTS: readonly [number, number, number] = [0.299, 0.587, 0.114];

/**
 * All images at another size, for example 28x28x1 to 32x32x3. One channel becomes several by repetition, three become
 * one by brightness (BT.601). Throws `invalid-argument` when a size is not a whole number >= 1, when `pad` would
 * shrink, or when channels cannot be converted.
 */
export function resizeTo(set: ImageSet, target: ResizeTarget): ImageSet {
  const { height, width, channels = set.channels, method = "bilinear" } = target;
  for (const [name, value] of Object.entries({ height, width, channels })) {
    if (!Number.isSafeInteger(value) || value < 1) {
      throw new MpoError("invalid-argument", `resize: ${name}: expected a whole number >= 1, got ${value}`);
    }
  }
  const vertical = axisOf(method, set.height, height);
  const horizontal = axisOf(method, set.width, width);
  const toChannels = channelConverter(set.channels, channels);
  const scratch = new Float32Array(axesScratchLength(vertical, horizontal, set.channels));
  const resized = new Float32Array(height * width * set.channels);
  const length = height * width * channels;
  const images = new Float32Array(set.count * length);
  for (let i = 0; i < set.count; i++) {
    applyAxes(vertical, horizontal, set.channels, imageAt(set, i), scratch, resized);
    toChannels(resized, images.subarray(i * length, (i + 1) * length));
  }
  return { ...set, images, height, width, channels };
}

function axisOf(method: ResizeMethod, from: number, to: number): AxisMap {
  switch (method) {
    case "nearest":
      return nearestAxis(from, to);
    case "bilinear":
      return bilinearAxis(from, to);
    case "pad":
      return padAxis(from, to);
  }
}

function padAxis(from: number, to: number): AxisMap {
  if (to < from) {
    throw new MpoError("invalid-argument", `resize: pad: expected a size of at least ${from}, got ${to}`, {
      hint: 'Use method "bilinear" to shrink images.',
    });
  }
  const before = Math.floor((to - from) / 2);
  return axisMap(from, to, (o) => (o < before || o >= before + from ? [[0, 0]] : [[o - before, 1]]));
}

function channelConverter(from: number, to: number): (input: Float32Array, output: Float32Array) => void {
  if (from === to) return (input, output) => output.set(input);
  if (from === 1) {
    return (input, output) => {
      for (let i = 0; i < output.length; i++) output[i] = input[Math.floor(i / to)]!;
    };
  }
  if (from === 3 && to === 1) {
    const [red, green, blue] = LUMA_WEIGHTS;
    return (input, output) => {
      for (let i = 0; i < output.length; i++) {
        output[i] = red * input[3 * i]! + green * input[3 * i + 1]! + blue * input[3 * i + 2]!;
      }
    };
  }
  throw new MpoError(
    "invalid-argument",
    `resize: channels: cannot turn ${from} into ${to}; expected 1 to n, or 3 to 1`,
  );
}
