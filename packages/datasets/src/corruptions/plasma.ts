import type { Random } from "../images/random.ts";

/**
 * Fractal noise by the diamond-square algorithm on a torus (it tiles without seams): `size` x `size` values in 0..1,
 * stretched so that both ends occur. The strength of each finer octave is 1/decay² of the one before, so a larger decay
 * is smoother. `size` must be a power of two.
 */
export function plasma(size: number, decay: number, random: Random): Float64Array {
  const map = new Float64Array(size * size);
  const mask = size - 1;
  const at = (y: number, x: number): number => map[(y & mask) * size + (x & mask)]!;
  let strength = 1;
  const wiggle = (): number => strength * (2 * random.uniform() - 1);
  for (let step = size; step >= 2; step /= 2, strength /= decay * decay) {
    const half = step / 2;
    for (let y = half; y < size; y += step) {
      for (let x = half; x < size; x += step) {
        const corners =
          at(y - half, x - half) + at(y - half, x + half) + at(y + half, x - half) + at(y + half, x + half);
        map[y * size + x] = corners / 4 + wiggle();
      }
    }
    for (let y = 0; y < size; y += half) {
      for (let x = y % step === 0 ? half : 0; x < size; x += step) {
        const sides = at(y - half, x) + at(y + half, x) + at(y, x - half) + at(y, x + half);
        map[y * size + x] = sides / 4 + wiggle();
      }
    }
  }
  return stretch(map);
}

/** The smallest power of two that is at least `length`. */
export function powerOfTwoFrom(length: number): number {
  return 2 ** Math.ceil(Math.log2(length));
}

function stretch(map: Float64Array): Float64Array {
  let least = Number.POSITIVE_INFINITY;
  let most = Number.NEGATIVE_INFINITY;
  for (const value of map) {
    if (value < least) least = value;
    if (value > most) most = value;
  }
  const range = most - least || 1;
  return map.map((value) => (value - least) / range);
}
