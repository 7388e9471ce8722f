import type { Axis } from "./series.ts";
import { byteTicks, factorTicks, ticksOf } from "./ticks.ts";

/** Where the values of an axis are in the picture, and which of them are written there. */
export interface Scale {
  readonly ticks: readonly number[];
  readonly place: (value: number) => number;
}

const ABOUT_TICKS = 5;
/** Beyond the outermost values, so that marks are whole. */
const MARGIN = 0.06;

/** @param ends places of the smallest and of the largest value; for a downward axis the other way round */
export function scaleOf(values: readonly number[], axis: Axis, ends: readonly [number, number]): Scale {
  const { fromZero = false, isBytes = false, isWhole = false, isLogarithmic = false, isDownward = false } = axis;
  const [from, to] = isDownward ? [ends[1], ends[0]] : ends;
  const least = values.reduce((low, value) => Math.min(low, value), Number.POSITIVE_INFINITY);
  const most = values.reduce((high, value) => Math.max(high, value), Number.NEGATIVE_INFINITY);
  const between = (share: number): number => from + share * (to - from);
  if (isLogarithmic && least > 0) {
    const span = Math.log(most / least) || 1;
    const [low, high] = [Math.log(least) - MARGIN * span, Math.log(most) + MARGIN * span];
    return {
      ticks: factorTicks(Math.exp(low), Math.exp(high), ABOUT_TICKS, isBytes),
      place: (value) => between((Math.log(value) - low) / (high - low)),
    };
  }
  const span = most - least || Math.abs(most) || 1;
  const low = fromZero ? 0 : least - MARGIN * span;
  const high = most + MARGIN * (fromZero ? most || 1 : span);
  return {
    ticks: (isBytes ? byteTicks : ticksOf)(low, high, ABOUT_TICKS).filter((tick) => !isWhole || Number.isInteger(tick)),
    place: (value) => between((value - low) / (high - low)),
  };
}
