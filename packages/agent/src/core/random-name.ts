/** 12 hexadecimal digits: devices whose data folder was wiped must not repeat names. */
export function randomName(random: () => number): string {
  const digits = (): string =>
    Math.floor(random() * 2 ** 24)
      .toString(16)
      .padStart(6, "0");
  return digits() + digits();
}
