import type { ImageSet } from "./image-set.ts";

/** Receives a line on what was read. */
export type Note = ((line: string) => void) | undefined;

/** A line holds no more classes. */
const MOST_NAMED = 20;

/** A class and how many images it has. */
export type ClassCount = readonly [name: string, count: number];

/** What was found, in one line: `3 classes: a 120, b 118, c 30; 14 files passed over (12 .txt, 2 Thumbs.db)`. */
export function describeClasses(counts: readonly ClassCount[], passedOver: ReadonlyMap<string, number>): string {
  const named = counts.slice(0, MOST_NAMED).map(([name, count]) => `${name} ${count}`);
  const others = counts.length - named.length;
  if (others > 0) named.push(`and ${others} others`);
  const classes =
    counts.length === 0
      ? "no classes"
      : `${counts.length} ${counts.length === 1 ? "class" : "classes"}: ${named.join(", ")}`;
  return classes + describePassedOver(passedOver);
}

/** `; 14 files passed over (12 .txt, 2 Thumbs.db)`, or nothing. */
export function describePassedOver(passedOver: ReadonlyMap<string, number>): string {
  const total = [...passedOver.values()].reduce((sum, count) => sum + count, 0);
  if (total === 0) return "";
  const kinds = [...passedOver].sort(([, left], [, right]) => right - left).map(([kind, count]) => `${count} ${kind}`);
  return `; ${total} ${total === 1 ? "file" : "files"} passed over (${kinds.join(", ")})`;
}

/** Classes of a set: as named, else as its labels need. */
export function classCount({ labels, classNames }: ImageSet): number {
  return classNames?.length ?? labels?.reduce((most, label) => Math.max(most, label + 1), 0) ?? 0;
}

/** How many images each class of a set has: by its name, else by its number. */
export function classCounts(set: ImageSet): readonly ClassCount[] {
  const { labels = [], classNames } = set;
  const length = classCount(set);
  const counts = new Array<number>(length).fill(0);
  for (const label of labels) counts[label]! += 1;
  return counts.map((count, label) => [classNames?.[label] ?? String(label), count]);
}

/** Says what a set that was read from a place holds. */
export function noted(set: ImageSet, place: string, { note }: { readonly note?: Note }): ImageSet {
  note?.(`${place}: ${describeClasses(classCounts(set), new Map())}`);
  return set;
}
