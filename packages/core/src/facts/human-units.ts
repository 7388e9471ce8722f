const BYTES: Readonly<Record<string, number>> = {
  B: 1,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
};
const MS: Readonly<Record<string, number>> = { ms: 1, s: 1e3, min: 6e4, h: 3.6e6, d: 8.64e7 };

/** As people write them; upper and lower case are the same. */
export const SIZE_UNITS: readonly string[] = Object.keys(BYTES);
export const DURATION_UNITS: readonly string[] = Object.keys(MS);

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
  const written = match?.[2]?.toLowerCase();
  const [, scale] = Object.entries(units).find(([unit]) => unit.toLowerCase() === written) ?? [];
  return scale === undefined ? undefined : Number(match?.[1]) * scale;
}
