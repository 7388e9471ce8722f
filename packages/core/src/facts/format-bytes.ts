const KIBIBYTE = 1024;

/** `150.0 MiB`, `1.25 GiB`; small sizes in KiB. A size that must suffice is rounded up, with `Math.ceil`. */
export function formatBytes(bytes: number, round: (value: number) => number = Math.round): string {
  const mebibytes = bytes / KIBIBYTE ** 2;
  if (Math.abs(mebibytes) >= KIBIBYTE) return `${(round((100 * mebibytes) / KIBIBYTE) / 100).toFixed(2)} GiB`;
  if (Math.abs(mebibytes) >= 1) return `${(round(10 * mebibytes) / 10).toFixed(1)} MiB`;
  return `${round(bytes / KIBIBYTE)} KiB`;
}
