/** How a picture is brought to another size: its sides alone, cut to the middle, or whole on black. */
export const FITS = ["stretch", "crop", "letterbox"] as const;
export type Fit = (typeof FITS)[number];

/**
 * What the pixels of another size are made of. The first three smooth what becomes smaller, as Pillow and torchvision do;
 * the others take single pixels: the nearest, as Pillow, or between the nearest four, as TensorFlow.
 */
export const FILTERS = ["lanczos3", "cubic", "bilinear", "nearest", "bilinear-plain"] as const;
export type Filter = (typeof FILTERS)[number];

/** How pictures of other sizes are brought to one; what is not stated is the first of its kind. */
export interface Resizing {
  readonly fit?: Fit | undefined;
  readonly filter?: Filter | undefined;
}

/** In words, with what is taken where nothing is stated. */
export function describeResizing({ fit = FITS[0], filter = FILTERS[0] }: Resizing): string {
  return `${fit}, ${filter}`;
}
