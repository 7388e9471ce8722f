import { setImmediate } from "node:timers/promises";
import { MpoError } from "@mpo/core";
import { throwIfCancelled } from "./data-error.ts";
import { type ImageSet, imageLength } from "./image-set.ts";
import { createRandom, deriveSeed, type Random } from "./random.ts";

/** The 15 corruptions of the CIFAR-10-C / ImageNet-C family, by their published names. */
export const CORRUPTION_NAMES = [
  "gaussian_noise",
  "shot_noise",
  "impulse_noise",
  "defocus_blur",
  "glass_blur",
  "motion_blur",
  "zoom_blur",
  "snow",
  "frost",
  "fog",
  "brightness",
  "contrast",
  "elastic_transform",
  "pixelate",
  "jpeg_compression",
] as const;

export type CorruptionName = (typeof CORRUPTION_NAMES)[number];

/** 1 (slight) to 5 (strong). */
export type Severity = 1 | 2 | 3 | 4 | 5;

export interface CorruptionOptions {
  readonly signal?: AbortSignal | undefined;
  /** Index of the first image in the whole it was cut from: image i draws from the seed of `firstIndex + i`. 0 when left out. */
  readonly firstIndex?: number;
}

/**
 * A corruption: a copy of the images, damaged. The same seed, image index and severity give the same bytes, however the
 * set is split; severities share their random draws, so a stronger one is the same damage grown. Works for 1 and 3
 * channels and any size; values stay in 0..1; labels are kept. Throws `invalid-argument` or `cancelled`.
 */
export type Corruption = (
  images: ImageSet,
  severity: Severity,
  seed: number,
  options?: CorruptionOptions,
) => Promise<ImageSet>;

/** Size of one image. */
export interface ImageShape {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
}

/** Damages one HWC image: reads `input`, writes all of `output` (no need to clamp). */
export type ImageKernel = (input: Float32Array, output: Float32Array, random: Random) => void;

/** What a corruption prepares once for all images of a call. */
export type KernelPlan = (shape: ImageShape, severity: Severity, seed: number) => ImageKernel;

/** Values worked on between two looks at the event loop and the signal. */
const VALUES_BETWEEN_PAUSES = 2 ** 18;

/** Picks the parameters of a severity from a published table. */
export function atSeverity<T>(table: readonly [T, T, T, T, T], severity: Severity): T {
  return table[severity - 1] as T;
}

/**
 * Lengths in pixels of the CIFAR-10-C tables are for sides of 32; larger images scale them by their shorter side.
 * Smaller ones (28x28) use the published numbers as they are.
 */
export function pixelScale(shape: ImageShape): number {
  return Math.max(1, Math.min(shape.height, shape.width) / 32);
}

/** Turns a per-image kernel into a corruption: seeds, scratch, clamping, cancelling. */
export function perImage(name: CorruptionName, plan: KernelPlan): Corruption {
  return async (set, severity, seed, options = {}) => {
    checkCorruptible(name, set, severity);
    const kernel = plan(set, severity, seed);
    const length = imageLength(set);
    const firstIndex = options.firstIndex ?? 0;
    const images = new Float32Array(set.images.length);
    const imagesBetweenPauses = Math.max(1, Math.floor(VALUES_BETWEEN_PAUSES / length));
    for (let i = 0; i < set.count; i++) {
      if (i % imagesBetweenPauses === 0) {
        if (i > 0) await setImmediate();
        throwIfCancelled(options.signal, name);
      }
      const output = images.subarray(i * length, (i + 1) * length);
      const input = set.images.subarray(i * length, (i + 1) * length);
      kernel(input, output, createRandom(deriveSeed(seed, name, firstIndex + i)));
      clamp(output);
    }
    return { ...set, images };
  };
}

/** Throws `invalid-argument` unless a set has 1 or 3 channels and the severity is 1..5. */
export function checkCorruptible(name: CorruptionName, set: ImageSet, severity: number): void {
  if (set.channels !== 1 && set.channels !== 3) {
    throw new MpoError("invalid-argument", `${name}: expected images of 1 or 3 channels, got ${set.channels}`);
  }
  if (!Number.isInteger(severity) || severity < 1 || severity > 5) {
    throw new MpoError("invalid-argument", `${name}: severity: expected 1, 2, 3, 4 or 5, got ${severity}`);
  }
}

function clamp(values: Float32Array): void {
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    if (value < 0) values[i] = 0;
    else if (value > 1) values[i] = 1;
  }
}
