import { MpoError } from "@mpo/core";

/** Images of one size in memory, with labels where they are known. */
export interface ImageSet {
  /** count * height * width * channels values in 0..1, laid out NHWC. */
  readonly images: Float32Array;
  readonly count: number;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  /** One class index an image. */
  readonly labels?: Int32Array;
  readonly classNames?: readonly string[];
}

export interface ImageShape {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
}

/** `28x28x1`: height, width, channels. */
export function shapeInWords({ height, width, channels }: ImageShape): string {
  return `${height}x${width}x${channels}`;
}

/** Values of one image: height * width * channels. */
export function imageLength(shape: ImageShape): number {
  return shape.height * shape.width * shape.channels;
}

/** The values of one image, as a view. Throws `invalid-argument` when there is no such image. */
export function imageAt(set: ImageSet, index: number): Float32Array {
  requireIndex(set, index);
  const length = imageLength(set);
  return set.images.subarray(index * length, (index + 1) * length);
}

/**
 * Images from..to (to excluded) as a view of the same memory: nothing is copied. Throws `invalid-argument` unless
 * 0 <= from <= to <= count.
 */
export function sliceImages(set: ImageSet, from: number, to: number): ImageSet {
  if (!Number.isInteger(from) || !Number.isInteger(to) || from < 0 || from > to || to > set.count) {
    throw new MpoError("invalid-argument", `slice ${from}..${to}: expected a part of 0..${set.count}`);
  }
  const length = imageLength(set);
  return {
    ...set,
    images: set.images.subarray(from * length, to * length),
    count: to - from,
    ...(set.labels === undefined ? {} : { labels: set.labels.subarray(from, to) }),
  };
}

/** A copy of the named images in the named order; an index may repeat. Throws `invalid-argument` on a bad index. */
export function takeImages(set: ImageSet, indices: ArrayLike<number>): ImageSet {
  const length = imageLength(set);
  const images = new Float32Array(indices.length * length);
  const labels = new Int32Array(indices.length);
  for (let i = 0; i < indices.length; i++) {
    const index = indices[i]!;
    images.set(imageAt(set, index), i * length);
    labels[i] = set.labels?.[index] ?? 0;
  }
  return { ...set, images, count: indices.length, ...(set.labels === undefined ? {} : { labels }) };
}

/**
 * All images of all sets, in order. Labels are kept only when every set has them. Throws `invalid-argument` when
 * there is no set, or when sizes or class names differ.
 */
export function concatImages(sets: readonly ImageSet[]): ImageSet {
  const first = sets[0];
  if (first === undefined) throw new MpoError("invalid-argument", "concat: expected at least one image set, got none");
  const count = sets.reduce((sum, set) => sum + set.count, 0);
  const images = new Float32Array(count * imageLength(first));
  const labels = new Int32Array(count);
  let at = 0;
  for (const [position, set] of sets.entries()) {
    requireSameKind(first, set, position);
    images.set(set.images, at * imageLength(first));
    if (set.labels !== undefined) labels.set(set.labels, at);
    at += set.count;
  }
  const { labels: _, ...rest } = first;
  const labelled = sets.every((set) => set.labels !== undefined);
  return { ...rest, images, count, ...(labelled ? { labels } : {}) };
}

function requireIndex(set: ImageSet, index: number): void {
  if (!Number.isInteger(index) || index < 0 || index >= set.count) {
    throw new MpoError("invalid-argument", `image ${index}: expected a whole number in 0..${set.count - 1}`);
  }
}

function requireSameKind(first: ImageSet, set: ImageSet, position: number): void {
  const [wanted, found] = [first, set].map(shapeInWords);
  if (found !== wanted) {
    throw new MpoError(
      "invalid-argument",
      `concat: set ${position}: expected images of ${wanted} as in set 0, got ${found}`,
    );
  }
  const names = (s: ImageSet): string => JSON.stringify(s.classNames ?? null);
  if (names(set) !== names(first)) {
    throw new MpoError(
      "invalid-argument",
      `concat: set ${position}: expected class names ${names(first)} as in set 0, got ${names(set)}`,
    );
  }
}
