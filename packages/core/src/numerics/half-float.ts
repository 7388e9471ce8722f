/** The number of 16 bits of IEEE 754 binary16: 1 bit of sign, 5 of exponent, 10 of fraction. */
export function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = (bits & 0x3ff) / 1024;
  if (exponent === 0) return sign * fraction * 2 ** -14;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (1 + fraction) * 2 ** (exponent - 15);
}

/** The largest number of 16 bits. */
export const LARGEST_HALF = 65_504;

/** The 16 bits that are nearest to a number; infinite beyond `LARGEST_HALF`, which a caller looks for first. */
export function numberToHalf(value: number): number {
  const size = Math.abs(value);
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  if (Number.isNaN(value)) return 0x7e00;
  // Steps of 2^-24 below 2^-14, and of 2^(exponent - 10) above: what rounds up to the next power carries over.
  const exponent = Math.max(-14, Math.floor(Math.log2(size)));
  const steps = Math.round(size * 2 ** (10 - exponent));
  const bits = steps + ((exponent + 14) << 10);
  return sign | (size > LARGEST_HALF ? 0x7c00 : bits);
}
