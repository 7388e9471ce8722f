import type { ImageShape } from "../images/image-set.ts";
import { type Border, borderIndex } from "./border.ts";

/** One weight of a two-dimensional filter: output (y, x) takes `weight` of input (y + dy, x + dx). */
export interface FilterTap {
  readonly dy: number;
  readonly dx: number;
  readonly weight: number;
}

/** A filter for HWC images of one shape whose taps may change from image to image; owns its padded scratch image. */
export type Convolver = (input: Float32Array, taps: readonly FilterTap[], output: Float32Array) => void;

/** Makes a convolver for taps that reach at most `radius` pixels. */
export function createConvolver(shape: ImageShape, radius: number, border: Border): Convolver {
  const { height, width, channels } = shape;
  const rows = paddedIndex(height, radius, border);
  const columns = paddedIndex(width, radius, border);
  const paddedRow = columns.length * channels;
  const padded = new Float32Array(rows.length * paddedRow);
  const row = width * channels;
  return (input, taps, output) => {
    for (let y = 0, to = 0; y < rows.length; y++) {
      for (let x = 0; x < columns.length; x++) {
        const from = rows[y]! * row + columns[x]! * channels;
        for (let c = 0; c < channels; c++) padded[to++] = input[from + c]!;
      }
    }
    output.fill(0);
    for (const { dy, dx, weight } of taps) {
      for (let y = 0; y < height; y++) {
        const start = (y + radius + dy) * paddedRow + (radius + dx) * channels;
        const end = (y + 1) * row;
        for (let to = y * row, from = start; to < end; to++, from++) output[to]! += weight * padded[from]!;
      }
    }
  };
}

/**
 * Taps of a one-sided Gaussian trail: pixels in a line at `angle` (radians, 0 = to the right, clockwise), at whole
 * pixels, the nearest weighing most. `length` is the number of pixels in the trail.
 */
export function motionTaps(length: number, sigma: number, angle: number): FilterTap[] {
  const taps: FilterTap[] = [];
  for (let i = 0; i < length; i++) {
    const weight = Math.exp((-0.5 * i * i) / (sigma * sigma));
    // Math.round gives -0 for small negatives; adding 0 makes it 0.
    taps.push({ dy: Math.round(i * Math.sin(angle)) + 0, dx: Math.round(i * Math.cos(angle)) + 0, weight });
  }
  const sum = taps.reduce((total, tap) => total + tap.weight, 0);
  return taps.map((tap) => ({ ...tap, weight: tap.weight / sum }));
}

function paddedIndex(length: number, radius: number, border: Border): Int32Array {
  return Int32Array.from({ length: length + 2 * radius }, (_, i) => borderIndex(i - radius, length, border));
}
