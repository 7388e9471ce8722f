import { setImmediate } from "node:timers/promises";
import { MpoError } from "@mpo/core";
import { throwIfAborted } from "@mpo/io";
import { type ImageSet, type ImageShape, imageLength } from "../images/image-set.ts";
import { createRandom, deriveSeed, type Random } from "../images/random.ts";
import type { CorruptionName, Severity } from "./corruption-name.ts";
import { type SeverityLevels, severityLevel } from "./severity-levels.ts";

export interface CorruptionOptions {
  readonly signal?: AbortSignal | undefined;
  /** Index of the first image in the whole it was cut from: image i draws from the seed of `firstIndex + i`. 0 when left out. */
  readonly firstIndex?: number;
  /** The authors' photographs (`frost1.png` to `frost5.jpg` of their repository) for `frost`; left out: procedural ice. */
  readonly frostPictures?: readonly ImageSet[];
  /** Values as in the published files, cut to bytes and for ImageNet-C coded as JPEG; left out: as the functions give them. */
  readonly asPublishedFiles?: boolean;
}

/**
 * A corruption: a copy of the images, damaged. The same seed, image index and severity give the same bytes, however the
 * set is split. Severities share their random draws: a stronger one is the same damage grown, except where the published
 * table trades one parameter for another (elastic_transform, glass_blur, steps of motion_blur, frost and pixelate). Works
 * for 1 and 3 channels and any size; values stay in 0..1; labels are kept. Throws `invalid-argument` or `cancelled`.
 */
export type Corruption = (
  images: ImageSet,
  severity: Severity,
  seed: number,
  options?: CorruptionOptions,
) => Promise<ImageSet>;

/** Damages one HWC image: reads `input`, writes all of `output` (no need to clamp). */
export type ImageKernel = (input: Float32Array, output: Float32Array, random: Random) => void;

/** What a corruption prepares once for all images of a call: tables and scratch memory. */
export type KernelPlan<Level> = (
  shape: ImageShape,
  level: Level,
  seed: number,
  options: CorruptionOptions,
) => ImageKernel;

/** Values worked on between two looks at the event loop and the signal. */
const VALUES_BETWEEN_PAUSES = 2 ** 18;

/** Turns a per-image kernel into a corruption: seeds, scratch, clamping, cancelling. */
export function perImage<Name extends CorruptionName>(name: Name, plan: KernelPlan<SeverityLevels[Name]>): Corruption {
  return async (set, severity, seed, options = {}) => {
    checkCorruptible(name, set, severity);
    const kernel = plan(set, severityLevel(name, set, severity), seed, options);
    const length = imageLength(set);
    const firstIndex = options.firstIndex ?? 0;
    const images = new Float32Array(set.images.length);
    const imagesBetweenPauses = Math.max(1, Math.floor(VALUES_BETWEEN_PAUSES / length));
    for (let i = 0; i < set.count; i++) {
      if (i % imagesBetweenPauses === 0) {
        if (i > 0) await setImmediate();
        throwIfAborted(options.signal);
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
