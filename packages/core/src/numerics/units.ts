export const MIB: number = 2 ** 20;
export const GIB: number = 2 ** 30;
export const SECOND_MS = 1_000;
