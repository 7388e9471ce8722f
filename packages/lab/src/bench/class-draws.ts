import { MpoError } from "@mpo/core";
import type { ImageSet, Random } from "@mpo/datasets";

interface Draw {
  readonly count: number;
  readonly random: Random;
}

/**
 * Indices of `count` images, or fewer when those of the favoured classes are used up, whose classes have shares from a
 * Dirichlet distribution: the smaller its concentration, the fewer classes there are.
 */
export function drawnByClass(
  set: ImageSet,
  { count, concentration, random }: Draw & { readonly concentration: number },
): readonly number[] {
  const classes = byClass(set);
  const weights = classes.map(() => gamma(concentration, random));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return random.shuffled(
    classes.flatMap((indices, index) => indices.slice(0, Math.round((count * (weights[index] ?? 0)) / total))),
  );
}

/** Indices of `count` images, or as many as there are, of a share of the classes. */
export function ofSomeClasses(
  set: ImageSet,
  { count, share, random }: Draw & { readonly share: number },
): readonly number[] {
  const classes = random.shuffled(byClass(set));
  const kept = classes.slice(0, Math.max(1, Math.round(share * classes.length)));
  return random.shuffled(kept.flat()).slice(0, count);
}

/** Indices of each class's images, in order. */
function byClass({ labels, count }: ImageSet): readonly (readonly number[])[] {
  if (labels === undefined)
    throw new MpoError("invalid-argument", "classes cannot be drawn: the images have no labels");
  const known = [...new Set(labels)].sort((one, other) => one - other);
  const all = Array.from({ length: count }, (_, index) => index);
  return known.map((label) => all.filter((index) => labels[index] === label));
}

/** A gamma-distributed number of scale 1 (Marsaglia and Tsang 2000, with their boost for shapes below 1). */
function gamma(shape: number, random: Random): number {
  if (shape < 1) return gamma(shape + 1, random) * (1 - random.uniform()) ** (1 / shape);
  const d = shape - 1 / 3;
  for (;;) {
    const x = random.gaussian();
    const v = (1 + x / Math.sqrt(9 * d)) ** 3;
    if (v > 0 && Math.log(1 - random.uniform()) < x ** 2 / 2 + d * (1 - v + Math.log(v))) return d * v;
  }
}
