const BYTES: Readonly<Record<string, number>> = {
  b: 1,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
};
const MS: Readonly<Record<string, number>> = { ms: 1, s: 1e3, min: 6e4, h: 3.6e6, d: 8.64e7 };

/** What a size with its unit says, `150MiB` or `1.5 GB`, in whole bytes; undefined: it is none. */
export function bytesIn(text: string): number | undefined {
  const bytes = scaled(text, BYTES);
  return bytes === undefined ? undefined : Math.round(bytes);
}

/** What a duration with its unit says, `60s` or `15 min`, in milliseconds; undefined: it is none. */
export function msIn(text: string): number | undefined {
  return scaled(text, MS);
}

function scaled(text: string, units: Readonly<Record<string, number>>): number | undefined {
  const match = /^(\d+(?:\.\d+)?) ?([a-z]+)$/iu.exec(text.trim());
  const unit = match?.[2]?.toLowerCase();
  if (match === null || unit === undefined || !Object.hasOwn(units, unit)) return undefined;
  return Number(match[1]) * (units[unit] as number);
}
