import { createRandom } from "./random.ts";

/** A part of a data set. */
export type Part = "train" | "test";

/** Share of images that is set aside for testing, where nothing else says which. */
const TEST_SHARE = 0.2;

/** Indices of the images of a part; all of them without one. Always the same, so that none trained on is tested on. */
export function partIndices(count: number, part: Part | undefined): readonly number[] {
  const all = Array.from({ length: count }, (_, index) => index);
  if (part === undefined) return all;
  const order = createRandom(0).shuffled(all);
  const tested = Math.max(1, Math.round(TEST_SHARE * count));
  return part === "test" ? order.slice(0, tested) : order.slice(tested);
}
