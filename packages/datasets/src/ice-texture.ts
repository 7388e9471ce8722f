import { plasma, powerOfTwoFrom } from "./plasma.ts";
import { createRandom, deriveSeed, type Random } from "./random.ts";

/** A square texture that tiles without seams: `size` x `size` values in 0..1. */
export interface IceTexture {
  readonly size: number;
  readonly values: Float64Array;
}

/**
 * A procedural picture of ice on glass, in place of the photographs that the published frost corruption blends in:
 * a cloudy fractal base with thin bright veins where a second, bent fractal field crosses its middle.
 */
export function iceTexture(leastSize: number, seed: number): IceTexture {
  const size = powerOfTwoFrom(leastSize);
  const random = createRandom(deriveSeed(seed, "ice"));
  const base = plasma(size, 1.3, random);
  const veins = bent(plasma(size, 1.35, random), plasma(size, 1.4, random), size);
  const values = new Float64Array(size * size);
  for (let i = 0; i < values.length; i++) {
    const vein = (1 - Math.abs(2 * veins[i]! - 1)) ** 5;
    values[i] = Math.min(1, 0.15 + 0.65 * base[i]! + 0.45 * vein);
  }
  return { size, values };
}

/** A random place to start reading a texture. */
export function randomCorner(texture: IceTexture, random: Random): { readonly y: number; readonly x: number } {
  return { y: random.integer(texture.size), x: random.integer(texture.size) };
}

function bent(field: Float64Array, by: Float64Array, size: number): Float64Array {
  const mask = size - 1;
  const reach = size / 6;
  return field.map((_, i) => {
    const y = Math.floor(i / size);
    const x = i & mask;
    const shift = Math.round((2 * by[i]! - 1) * reach);
    return field[((y + shift) & mask) * size + ((x - shift) & mask)]!;
  });
}
