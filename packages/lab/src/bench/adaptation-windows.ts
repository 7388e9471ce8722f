import { requireImages, samplesOf } from "@mpo/cli";
import {
  CORRUPTION_NAMES,
  type CorruptionName,
  type CorruptionOptions,
  concatImages,
  corrupt,
  createRandom,
  deriveSeed,
  type ImageSet,
  type Severity,
  takeImages,
} from "@mpo/datasets";
import type { Samples } from "@mpo/engine";
import { drawnByClass, ofSomeClasses } from "./class-draws.ts";

/**
 * What windows of adaptation meet, one after the other.
 * - `reset`: each corruption from the source model.
 * - `continual`: each corruption from what the one before has left (Wang et al. 2022).
 * - `mixed`: all corruptions in each window, from what the one before has left.
 * - `correlated`: as `continual`, and the classes of each window in shares from a Dirichlet distribution of 0.1 (Gong et al. 2022).
 * - `recurring`: as `continual`, and all of them a second time with other images.
 * - `few`: as `reset`, with 512 images of half of the classes at most (BoTTA, Danilowski et al. 2025).
 *
 * Accuracy is that of other images of all classes.
 */
export const PROTOCOL_NAMES = ["reset", "continual", "recurring", "mixed", "correlated", "few"] as const;
export type ProtocolName = (typeof PROTOCOL_NAMES)[number];

/** Whether a window begins with what the one before has left. */
export const CARRIES_ON: Readonly<Record<ProtocolName, boolean>> = {
  reset: false,
  continual: true,
  recurring: true,
  mixed: true,
  correlated: true,
  few: false,
};

/** How often each corruption is met. */
export const VISITS: Readonly<Record<ProtocolName, number>> = {
  reset: 1,
  continual: 1,
  recurring: 2,
  mixed: 1,
  correlated: 1,
  few: 1,
};

const DIRICHLET = 0.1;
const FEW_IMAGES = 512;
const FEW_CLASSES_SHARE = 0.5;
const REFERENCES = 256;

export interface AdaptationWindow {
  /** The corruption, the second time `again`; a number where it has all. */
  readonly name: string;
  readonly adapted: Samples;
  readonly judged: Samples;
  /** The judged images as they were before they were damaged: what an adapted model may have forgotten. */
  readonly clean: Samples;
  /** Other undamaged images: what is usual. */
  readonly reference: Samples;
}

export interface WindowOptions {
  readonly protocol: ProtocolName;
  /** Those that are met. A window is the same whichever others there are. */
  readonly corruptions: readonly CorruptionName[];
  readonly severity: number;
  readonly samples: number;
  readonly judgeSamples: number;
  readonly seed: number;
}

/** The windows of a protocol over a labelled test set, seeded. Throws `invalid-argument` when there are too few images. */
export async function* adaptationWindows(
  test: ImageSet,
  { protocol, corruptions, severity, samples, judgeSamples, seed }: WindowOptions,
  damage: CorruptionOptions,
): AsyncGenerator<AdaptationWindow, void, undefined> {
  const visits = VISITS[protocol];
  requireImages(test, visits * samples + judgeSamples);
  const all = Array.from({ length: test.count }, (_, index) => index);
  const met = Array.from({ length: visits }, (_, visit) =>
    corruptions.map((corruption) => ({ corruption, index: CORRUPTION_NAMES.indexOf(corruption), visit })),
  ).flat();
  for (const { corruption, index, visit } of met) {
    const random = createRandom(deriveSeed(seed, "window", index));
    const order = random.shuffled(all);
    const pool = takeImages(test, order.slice(judgeSamples));
    const drawn = (): ArrayLike<number> => {
      if (protocol === "correlated") return drawnByClass(pool, { count: samples, concentration: DIRICHLET, random });
      if (protocol === "few") {
        return ofSomeClasses(pool, { count: Math.min(samples, FEW_IMAGES), share: FEW_CLASSES_SHARE, random });
      }
      return all.slice(visit * samples, (visit + 1) * samples);
    };
    const damaged = async (images: ImageSet): Promise<Samples> => {
      const together = protocol === "mixed" ? CORRUPTION_NAMES : [corruption];
      const parts = together.map(async (each, part) => {
        const indices = all.slice(0, images.count).filter((at) => at % together.length === part);
        return await corrupt(takeImages(images, indices), each, severity as Severity, deriveSeed(seed, index), damage);
      });
      return samplesOf(concatImages(await Promise.all(parts)));
    };
    const judged = takeImages(test, order.slice(0, judgeSamples));
    yield {
      name: protocol === "mixed" ? `window ${index + 1}` : visit === 0 ? corruption : `${corruption} again`,
      adapted: await damaged(takeImages(pool, drawn())),
      judged: await damaged(judged),
      clean: samplesOf(judged),
      reference: samplesOf(takeImages(pool, all.slice(0, pool.count).slice(-REFERENCES))),
    };
  }
}
