import { given, MpoError } from "@mpo/core";
import {
  type CorruptionName,
  type CorruptionOptions,
  corrupt,
  createRandom,
  type ImageSet,
  type Severity,
  takeImages,
} from "@mpo/datasets";
import type { Samples } from "@mpo/engine";

/** Which images are drawn and how they are damaged. */
export interface DriftedSamplesOptions {
  readonly corruption: CorruptionName | "clean";
  readonly severity: number;
  readonly samples: number;
  readonly judgeSamples: number;
  readonly seed: number;
}

/** Images to adapt to and, apart from them, images to judge on; all damaged alike. */
export interface DriftedSamples {
  readonly adapted: Samples;
  readonly judged: Samples;
  /** Those to judge on as they were before the damage. */
  readonly judgedClean: Samples;
  /** Those to adapt to as they were before the damage. */
  readonly adaptedClean: Samples;
}

/** Draws both sets, seeded. Throws `invalid-argument` when there are too few images. */
export async function driftedSamples(
  source: ImageSet,
  { corruption, severity, samples, judgeSamples, seed }: DriftedSamplesOptions,
  damage: CorruptionOptions,
): Promise<DriftedSamples> {
  const wanted = samples + judgeSamples;
  requireImages(source, wanted);
  const order = createRandom(seed).shuffled(Array.from({ length: source.count }, (_, index) => index));
  const clean = takeImages(source, order.slice(0, wanted));
  const damaged = corruption === "clean" ? clean : await corrupt(clean, corruption, severity as Severity, seed, damage);
  return {
    adapted: samplesOf(takeRange(damaged, 0, samples)),
    judged: samplesOf(takeRange(damaged, samples, wanted)),
    judgedClean: samplesOf(takeRange(clean, samples, wanted)),
    adaptedClean: samplesOf(takeRange(clean, 0, samples)),
  };
}

/** Throws `invalid-argument` when a data set has fewer images than `--samples` and `--judge-samples` want together. */
export function requireImages({ count }: ImageSet, wanted: number): void {
  if (wanted <= count) return;
  throw new MpoError("invalid-argument", `${wanted} samples are wanted; the data set has ${count}`, {
    hint: "Lower --samples or --judge-samples.",
  });
}

/** An image set as the engine takes it. */
export function samplesOf({ images, labels, count }: ImageSet): Samples {
  return { images, count, ...given({ labels }) };
}

/** A copy: what goes to a worker should not drag the whole set's memory along. */
function takeRange(set: ImageSet, from: number, to: number): ImageSet {
  return takeImages(
    set,
    Array.from({ length: to - from }, (_, index) => from + index),
  );
}
