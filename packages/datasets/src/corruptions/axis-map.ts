import { type Border, borderIndex } from "./border.ts";

/**
 * A linear map along one axis of an image: output position o is the weighted sum of the input positions
 * `starts[o] .. starts[o] + counts[o]`. Resizing, zooming and Gaussian filtering (with the border folded in) are
 * all pairs of these, one for each axis.
 */
export interface AxisMap {
  readonly inputLength: number;
  readonly outputLength: number;
  readonly starts: Int32Array;
  readonly counts: Int32Array;
  /** Weights of output o begin at `offsets[o]`. */
  readonly offsets: Int32Array;
  readonly weights: Float64Array;
}

export type Tap = readonly [position: number, weight: number];

/** Builds a map from the taps of every output position; taps at the same position add up. */
function axisMap(inputLength: number, outputLength: number, taps: (output: number) => readonly Tap[]): AxisMap {
  const starts = new Int32Array(outputLength);
  const counts = new Int32Array(outputLength);
  const offsets = new Int32Array(outputLength);
  const weights: number[] = [];
  const row = new Float64Array(inputLength);
  for (let output = 0; output < outputLength; output++) {
    row.fill(0);
    let first = inputLength - 1;
    let last = 0;
    for (const [position, weight] of taps(output)) {
      row[position]! += weight;
      first = Math.min(first, position);
      last = Math.max(last, position);
    }
    starts[output] = first;
    counts[output] = last - first + 1;
    offsets[output] = weights.length;
    for (let position = first; position <= last; position++) weights.push(row[position]!);
  }
  return { inputLength, outputLength, starts, counts, offsets, weights: Float64Array.from(weights) };
}

/** Equal mean of the pixels whose centre lies in the output pixel's window (the BOX filter of imaging libraries). */
export function boxAxis(inputLength: number, outputLength: number): AxisMap {
  const scale = inputLength / outputLength;
  const support = 0.5 * Math.max(1, scale);
  return axisMap(inputLength, outputLength, (o) => {
    const centre = (o + 0.5) * scale;
    const first = borderIndex(Math.floor(centre - support + 0.5), inputLength, "edge");
    const last = Math.max(first, borderIndex(Math.floor(centre + support + 0.5) - 1, inputLength, "edge"));
    const taps: [number, number][] = [];
    for (let i = first; i <= last; i++) taps.push([i, 1]);
    return normalised(taps);
  });
}

/** Enlarges the middle by `factor` >= 1 and keeps the length: linear interpolation, ends aligned, as SciPy's `zoom`. */
export function zoomAxis(length: number, factor: number): AxisMap {
  const kept = Math.ceil(length / factor);
  const enlarged = Math.max(length, roundHalfToEven(kept * factor));
  const top = Math.floor((length - kept) / 2);
  const trim = Math.floor((enlarged - length) / 2);
  const step = enlarged > 1 ? (kept - 1) / (enlarged - 1) : 0;
  return axisMap(length, length, (o) => {
    const position = (o + trim) * step;
    const below = Math.min(kept - 1, Math.floor(position));
    const share = position - below;
    return [
      [top + below, 1 - share],
      [top + Math.min(kept - 1, below + 1), share],
    ];
  });
}

/** Gaussian filter of `sigma` pixels that reaches `radius` pixels; the identity when that is 0. */
export function gaussianAxis(length: number, sigma: number, radius: number, border: Border): AxisMap {
  const weights: number[] = [];
  for (let i = -radius; i <= radius; i++) weights.push(radius === 0 ? 1 : Math.exp((-0.5 * i * i) / (sigma * sigma)));
  return axisMap(length, length, (o) =>
    normalised(weights.map((weight, i): [number, number] => [borderIndex(o + i - radius, length, border), weight])),
  );
}

/** Where a Gaussian filter ends that is cut off at `truncate` sigmas. */
export function gaussianRadius(sigma: number, truncate: number): number {
  return Math.floor(truncate * sigma + 0.5);
}

/** The map that does `first`, then `second`. */
export function composeAxes(first: AxisMap, second: AxisMap): AxisMap {
  return axisMap(first.inputLength, second.outputLength, (o) => {
    const taps: [number, number][] = [];
    for (let i = 0; i < second.counts[o]!; i++) {
      const middle = second.starts[o]! + i;
      const outer = second.weights[second.offsets[o]! + i]!;
      for (let j = 0; j < first.counts[middle]!; j++) {
        taps.push([first.starts[middle]! + j, outer * first.weights[first.offsets[middle]! + j]!]);
      }
    }
    return taps;
  });
}

/** Scratch memory `applyAxes` needs for one image. */
export function axesScratchLength(vertical: AxisMap, horizontal: AxisMap, channels: number): number {
  return vertical.inputLength * horizontal.outputLength * channels;
}

/** Maps one HWC image along both axes; `output` is overwritten, and must not share memory with `input`. */
export function applyAxes(
  vertical: AxisMap,
  horizontal: AxisMap,
  channels: number,
  input: Float32Array,
  scratch: Float32Array,
  output: Float32Array,
): void {
  const rowIn = horizontal.inputLength * channels;
  const rowOut = horizontal.outputLength * channels;
  for (let y = 0; y < vertical.inputLength; y++) {
    for (let x = 0; x < horizontal.outputLength; x++) {
      const count = horizontal.counts[x]!;
      const offset = horizontal.offsets[x]!;
      for (let c = 0; c < channels; c++) {
        let from = y * rowIn + horizontal.starts[x]! * channels + c;
        let sum = 0;
        for (let i = 0; i < count; i++, from += channels) sum += horizontal.weights[offset + i]! * input[from]!;
        scratch[y * rowOut + x * channels + c] = sum;
      }
    }
  }
  for (let y = 0; y < vertical.outputLength; y++) {
    const count = vertical.counts[y]!;
    const offset = vertical.offsets[y]!;
    const start = vertical.starts[y]! * rowOut;
    for (let x = 0; x < rowOut; x++) {
      let from = start + x;
      let sum = 0;
      for (let i = 0; i < count; i++, from += rowOut) sum += vertical.weights[offset + i]! * scratch[from]!;
      output[y * rowOut + x] = sum;
    }
  }
}

/** As Python rounds: 32.5 to 32, 33.5 to 34. */
function roundHalfToEven(value: number): number {
  const floor = Math.floor(value);
  return value - floor === 0.5 ? floor + (floor % 2) : Math.round(value);
}

function normalised(taps: readonly [number, number][]): Tap[] {
  const sum = taps.reduce((total, [, weight]) => total + weight, 0);
  return taps.map(([position, weight]) => [position, weight / sum]);
}
