import type { AxisMap } from "./axis-map.ts";

/** A sparse linear map of whole images: output pixel p is the weighted sum of the pixels at starts[p] .. starts[p + 1]. */
export interface PixelMap {
  readonly starts: Int32Array;
  readonly positions: Int32Array;
  readonly weights: Float32Array;
}

/**
 * The sum of several separable maps (vertical, horizontal) as one map; where their taps meet, they are added up once
 * here instead of for every image.
 */
export function sumOfAxes(maps: readonly (readonly [vertical: AxisMap, horizontal: AxisMap])[]): PixelMap {
  const [vertical, horizontal] = maps[0]!;
  const inputWidth = horizontal.inputLength;
  const sums = new Float64Array(vertical.inputLength * inputWidth);
  const isTouched = new Uint8Array(sums.length);
  const starts = new Int32Array(vertical.outputLength * horizontal.outputLength + 1);
  const positions: number[] = [];
  const weights: number[] = [];
  for (let pixel = 0; pixel + 1 < starts.length; pixel++) {
    const y = Math.floor(pixel / horizontal.outputLength);
    const x = pixel % horizontal.outputLength;
    const begin = positions.length;
    for (const [down, across] of maps) {
      for (let i = 0; i < down.counts[y]!; i++) {
        for (let j = 0; j < across.counts[x]!; j++) {
          const weight = down.weights[down.offsets[y]! + i]! * across.weights[across.offsets[x]! + j]!;
          if (weight === 0) continue;
          const position = (down.starts[y]! + i) * inputWidth + across.starts[x]! + j;
          if (isTouched[position] === 0) {
            isTouched[position] = 1;
            positions.push(position);
          }
          sums[position]! += weight;
        }
      }
    }
    for (let i = begin; i < positions.length; i++) {
      const position = positions[i]!;
      weights.push(sums[position]!);
      sums[position] = 0;
      isTouched[position] = 0;
    }
    starts[pixel + 1] = positions.length;
  }
  return { starts, positions: Int32Array.from(positions), weights: Float32Array.from(weights) };
}

/** Maps one HWC image; `output` is overwritten, and must not share memory with `input`. */
export function applyPixelMap(map: PixelMap, channels: number, input: Float32Array, output: Float32Array): void {
  for (let c = 0; c < channels; c++) {
    for (let pixel = 0, to = c; to < output.length; pixel++, to += channels) {
      const end = map.starts[pixel + 1]!;
      let sum = 0;
      for (let i = map.starts[pixel]!; i < end; i++) sum += map.weights[i]! * input[map.positions[i]! * channels + c]!;
      output[to] = sum;
    }
  }
}
