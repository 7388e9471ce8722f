/** About so many round numbers that span a range. */
export function ticksOf(low: number, high: number, about: number): readonly number[] {
  const span = high - low;
  if (!(span > 0)) return [low];
  const rough = span / about;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5, 10].find((factor) => factor * power >= rough) ?? 10);
  const first = Math.ceil(low / step);
  const last = Math.floor(high / step + 1e-9);
  return Array.from({ length: last - first + 1 }, (_, index) => (first + index) * step);
}

/** Round numbers in bytes: powers of two look round to people there. */
export function byteTicks(low: number, high: number, about: number): readonly number[] {
  const unit = high - low > 2 ** 31 ? 2 ** 30 : high - low > 2 ** 21 ? 2 ** 20 : 2 ** 10;
  return ticksOf(low / unit, high / unit, about).map((tick) => tick * unit);
}

/** Fewer say nothing of a scale. */
const LEAST_TICKS = 3;

/** About so many round numbers whose factors are alike: 1, 2, 5, 10 and so on, or powers of two in bytes. */
export function factorTicks(low: number, high: number, about: number, isBytes: boolean): readonly number[] {
  const grid = isBytes ? powersWithin(2, [1], low, high) : powersWithin(10, [1, 2, 5], low, high);
  const decades = isBytes ? grid : powersWithin(10, [1], low, high);
  const found = grid.length <= about + 2 ? grid : decades;
  if (found.length < LEAST_TICKS) return (isBytes ? byteTicks : ticksOf)(low, high, about);
  const every = Math.ceil(found.length / (about + 2));
  return found.filter((_, index) => index % every === 0);
}

function powersWithin(base: number, factors: readonly number[], low: number, high: number): readonly number[] {
  const log = (value: number): number => Math.log(value) / Math.log(base);
  const [first, last] = [Math.floor(log(low)), Math.ceil(log(high))];
  return Array.from({ length: last - first + 1 }, (_, index) => base ** (first + index))
    .flatMap((power) => factors.map((factor) => factor * power))
    .filter((tick) => tick >= low && tick <= high);
}
