import { MpoError } from "@mpo/core";
import { uniformFloat64 } from "pure-rand/distribution/uniformFloat64";
import { uniformInt } from "pure-rand/distribution/uniformInt";
import { xoroshiro128plusFromState } from "pure-rand/generator/xoroshiro128plus";

/** A seeded source of random numbers. The same seed gives the same numbers on every machine. */
export interface Random {
  /** A number in [0, 1), a multiple of 2^-53. */
  uniform(): number;
  /** A draw from the standard normal distribution. */
  gaussian(): number;
  /** A whole number in [0, n). Throws `invalid-argument` unless n is a whole number in 1..2^32. */
  integer(n: number): number;
  /** A draw from the Poisson distribution. Throws `invalid-argument` unless mean is finite and >= 0. */
  poisson(mean: number): number;
  /** A shuffled copy; the array itself stays as it is. */
  shuffled<T>(array: readonly T[]): T[];
}

/**
 * Makes a generator (xoroshiro128+ of pure-rand) whose whole state is hashed from the seed, so that neighbouring
 * seeds give unrelated numbers. Throws `invalid-argument` when the seed is not a safe whole number.
 */
export function createRandom(seed: number): Random {
  const generator = xoroshiro128plusFromState(seedState(seed));
  let spare: number | undefined;

  const uniform = (): number => uniformFloat64(generator);

  // Marsaglia's polar method: two draws at a time, the second is kept.
  const gaussian = (): number => {
    if (spare !== undefined) {
      const kept = spare;
      spare = undefined;
      return kept;
    }
    for (;;) {
      const u = 2 * uniform() - 1;
      const v = 2 * uniform() - 1;
      const s = u * u + v * v;
      if (s > 0 && s < 1) {
        const factor = Math.sqrt((-2 * Math.log(s)) / s);
        spare = v * factor;
        return u * factor;
      }
    }
  };

  const integer = (n: number): number => {
    if (!Number.isInteger(n) || n < 1 || n > 2 ** 32) {
      throw new MpoError("invalid-argument", `random integer: expected a whole number in 1..2^32, got ${n}`);
    }
    return uniformInt(generator, 0, n - 1);
  };

  const poisson = (mean: number): number => {
    if (!(mean >= 0 && mean < Number.POSITIVE_INFINITY)) {
      throw new MpoError("invalid-argument", `random poisson: expected a finite mean >= 0, got ${mean}`);
    }
    return mean < 10 ? poissonByProduct(mean, uniform) : poissonByRejection(mean, uniform);
  };

  const shuffled = <T>(array: readonly T[]): T[] => {
    const copy = [...array];
    for (let last = copy.length - 1; last > 0; last--) {
      const other = uniformInt(generator, 0, last);
      const held = copy[last]!;
      copy[last] = copy[other]!;
      copy[other] = held;
    }
    return copy;
  };

  return { uniform, gaussian, integer, poisson, shuffled };
}

/**
 * A seed made from a seed and further parts (a name, an index): the way to give every image its own numbers that do
 * not depend on how a set is split. 53 bits; any different part gives an unrelated seed.
 */
export function deriveSeed(seed: number, ...parts: readonly (number | string)[]): number {
  const hash = new Uint32Array([0xdeadbeef, 0x41c6ce57]);
  foldNumber(hash, seed);
  for (const part of parts) {
    if (typeof part === "number") foldNumber(hash, part);
    else for (let i = 0; i < part.length; i++) fold(hash, part.charCodeAt(i) + 1);
    fold(hash, 0);
  }
  const [low, high] = finish(hash);
  return (high & 0x1fffff) * 2 ** 32 + low;
}

function seedState(seed: number): number[] {
  const state: number[] = [];
  for (const salt of [1, 2]) {
    const hash = new Uint32Array([0x9e3779b9, 0x7f4a7c15]);
    foldNumber(hash, seed);
    fold(hash, salt);
    state.push(...finish(hash));
  }
  return state;
}

function foldNumber(hash: Uint32Array, value: number): void {
  if (!Number.isSafeInteger(value)) {
    throw new MpoError("invalid-argument", `seed: expected a safe whole number, got ${value}`);
  }
  fold(hash, value | 0);
  fold(hash, Math.floor(value / 2 ** 32) | 0);
}

// The two-lane multiplicative hash known as cyrb53.
function fold(hash: Uint32Array, word: number): void {
  hash[0] = Math.imul(hash[0]! ^ word, 2654435761);
  hash[1] = Math.imul(hash[1]! ^ word, 1597334677);
  hash[0] ^= hash[0]! >>> 15;
  hash[1] ^= hash[1]! >>> 13;
}

function finish(hash: Uint32Array): [number, number] {
  let a = hash[0]!;
  let b = hash[1]!;
  a = Math.imul(a ^ (a >>> 16), 2246822507) ^ Math.imul(b ^ (b >>> 13), 3266489909);
  b = Math.imul(b ^ (b >>> 16), 2246822507) ^ Math.imul(a ^ (a >>> 13), 3266489909);
  return [a >>> 0, b >>> 0];
}

function poissonByProduct(mean: number, uniform: () => number): number {
  const floor = Math.exp(-mean);
  let count = 0;
  for (let product = uniform(); product > floor; product *= uniform()) count++;
  return count;
}

// Hörmann 1993, "The transformed rejection method for generating Poisson random variables", algorithm PTRS.
function poissonByRejection(mean: number, uniform: () => number): number {
  const logMean = Math.log(mean);
  const b = 0.931 + 2.53 * Math.sqrt(mean);
  const a = -0.059 + 0.02483 * b;
  const inverseAlpha = 1.1239 + 1.1328 / (b - 3.4);
  const accept = 0.9277 - 3.6224 / (b - 2);
  for (;;) {
    const u = uniform() - 0.5;
    const v = uniform();
    const us = 0.5 - Math.abs(u);
    const k = Math.floor(((2 * a) / us + b) * u + mean + 0.43);
    if (us >= 0.07 && v <= accept) return k;
    if (k < 0 || (us < 0.013 && v > us)) continue;
    if (Math.log((v * inverseAlpha) / (a / (us * us) + b)) <= k * logMean - mean - logFactorial(k)) return k;
  }
}

const SMALL_LOG_FACTORIALS: readonly number[] = Array.from({ length: 16 }, (_, n) => {
  let sum = 0;
  for (let i = 2; i <= n; i++) sum += Math.log(i);
  return sum;
});

function logFactorial(n: number): number {
  const small = SMALL_LOG_FACTORIALS[n];
  if (small !== undefined) return small;
  // Stirling's series; from n = 16 on its error is below 1e-12.
  const inverse = 1 / n;
  const tail = inverse * (1 / 12 - inverse * inverse * (1 / 360 - (inverse * inverse) / 1260));
  return (n + 0.5) * Math.log(n) - n + 0.5 * Math.log(2 * Math.PI) + tail;
}
