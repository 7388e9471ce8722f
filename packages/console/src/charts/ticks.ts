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
