/** Brightness from red, green and blue (BT.601). */
export const LUMA_WEIGHTS: readonly [number, number, number] = [0.299, 0.587, 0.114];
