import { throwIfAborted } from "@mpo/io";
import { corrupt } from "../corruptions/corruption.ts";
import type { CorruptionOptions } from "../corruptions/corruption-kernel.ts";
import type { CorruptionName, Severity } from "../corruptions/corruption-name.ts";
import { type ImageSet, takeImages } from "./image-set.ts";
import { createRandom, deriveSeed } from "./random.ts";

export interface ImageStreamOptions extends CorruptionOptions {
  readonly source: ImageSet;
  /** What has happened to the images; absent: nothing, they are as in the source. */
  readonly drift?: { readonly corruption: CorruptionName; readonly severity: Severity };
  readonly seed: number;
}

/** The images from a position to another, which is excluded, with the source's labels. */
export type ImageStream = (from: number, to: number) => Promise<ImageSet>;

/**
 * A stream without end: the source in seeded random order, a new one each time it is used up. An image depends only on the
 * options and its position, wherever the stream is cut. Reading throws `invalid-argument` (no images in the source) or
 * `cancelled`.
 */
export function imageStream({ source, drift, seed, ...damage }: ImageStreamOptions): ImageStream {
  const sourceIndex = sourceOrder(source.count, seed);
  return async (from, to) => {
    throwIfAborted(damage.signal);
    const positions = Array.from({ length: to - from }, (_, i) => from + i);
    const clean = takeImages(source, positions.map(sourceIndex));
    if (drift === undefined) return clean;
    return await corrupt(clean, drift.corruption, drift.severity, seed, { ...damage, firstIndex: from });
  };
}

function sourceOrder(count: number, seed: number): (position: number) => number {
  const inOrder = Array.from({ length: count }, (_, i) => i);
  let round = -1;
  let order: readonly number[] = [];
  return (position) => {
    const wanted = Math.floor(position / count);
    if (wanted !== round) {
      round = wanted;
      order = createRandom(deriveSeed(seed, "order", round)).shuffled(inOrder);
    }
    return order[position % count]!;
  };
}
