import { ParetoFront } from "./pareto-front.ts";

/** Something that may be packed: what it is worth, and what it takes of each of two limits. */
export interface KnapsackItem {
  readonly value: number;
  readonly weights: readonly [number, number];
}

/** A packing as a list: its last item, and the packing before it. */
interface Packing {
  readonly value: number;
  readonly first: number;
  readonly second: number;
  readonly item: number;
  readonly before: Packing | undefined;
}

const EMPTY: Packing = { value: 0, first: 0, second: 0, item: -1, before: undefined };
/** Packings that are carried on from item to item, at most: a grid of 64 by 64 of the limits. */
const GRID = 64;

/**
 * The most valuable of all packings that keep two limits, as positions of items. Dynamic programming over packings that
 * no other beats in value and both weights (Nemhauser and Ullmann 1969): exact, until there are more of them than a grid
 * over the limits has cells; then of each cell the most valuable is carried on, which is valid, though perhaps not the best.
 */
export function fillKnapsack(items: readonly KnapsackItem[], limits: readonly [number, number]): readonly number[] {
  let packings: readonly Packing[] = [EMPTY];
  for (const [item, { value, weights }] of items.entries()) {
    const extended = packings
      .map((before) => ({
        value: before.value + value,
        first: before.first + weights[0],
        second: before.second + weights[1],
        item,
        before,
      }))
      .filter(({ first, second }) => first <= limits[0] && second <= limits[1]);
    packings = thinned(unbeaten([...packings, ...extended]), limits);
  }
  const best = packings.reduce((left, right) => (right.value > left.value ? right : left));
  const chosen: number[] = [];
  for (let at: Packing | undefined = best; at !== undefined && at.item >= 0; at = at.before) chosen.unshift(at.item);
  return chosen;
}

function unbeaten(packings: readonly Packing[]): readonly Packing[] {
  const front = new ParetoFront();
  return packings
    .toSorted((left, right) => left.first - right.first || left.second - right.second || right.value - left.value)
    .filter(({ second, value }, index) => front.add(index, second, value) === undefined);
}

function thinned(packings: readonly Packing[], limits: readonly [number, number]): readonly Packing[] {
  if (packings.length <= GRID * GRID) return packings;
  const cells = new Map<number, Packing>();
  const cellOf = (weight: number, limit: number): number => Math.floor((GRID - 1) * (limit > 0 ? weight / limit : 0));
  for (const packing of packings) {
    const cell = GRID * cellOf(packing.first, limits[0]) + cellOf(packing.second, limits[1]);
    const known = cells.get(cell);
    if (known === undefined || known.value < packing.value) cells.set(cell, packing);
  }
  return [...cells.values()];
}
