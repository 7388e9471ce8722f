/** What inputs look like, summed up: means over images with values from 0 to 1. */
export interface InputLook {
  /** Of an image's values: mean, deviation, and difference of neighbours in a row. */
  readonly features: { readonly brightness: number; readonly contrast: number; readonly detail: number };
  /** Difference of values two apart in a row; of neighbours in a column; second difference in a row. */
  readonly texture: { readonly coarse: number; readonly column: number; readonly bend: number };
  /** Values by size, in 16 bins of equal width. */
  readonly intensities: readonly number[];
}

/** Where inputs lie among all that a model may meet. Inputs that were damaged alike lie near each other. */
export type DriftSignature = readonly number[];

const BINS = 16;
/** Numbers of a signature: 3 of features, 3 of texture, and the bins. */
export const SIGNATURE_LENGTH: number = 6 + BINS;
/** Absolute bound of each. */
export const MAX_SIGNATURE_VALUE = 4;

/**
 * Signatures within this distance are of like drifts. Fashion-MNIST, 256 images each, 15 corruptions and none, 3 draws: other
 * images with the same damage are at 0.02 to 0.05 (median 0.03), and the nearest each time; the nearest other damage is at
 * 0.04 to 0.4 (median 0.12); the same damage one severity lower at 0.02 to 0.5 (median 0.06).
 */
export const NEAR_DISTANCE = 0.1;

/** A mean difference of less than a grey level in a hundred is as good as none. */
const LEAST_DETAIL = 0.01;
// Weights that make 256 images of one kind differ by about as much in each part.
const [OF_DETAIL, OF_TEXTURE, OF_SHARES] = [0.3, 0.5, 0.5];

/**
 * The signature of inputs. It says nothing of predictions: those follow the weights that serve, of which each device has
 * its own, and a device should find what another one has learned on like inputs.
 */
export function driftSignature({ features, texture, intensities }: InputLook): DriftSignature {
  const { brightness, contrast, detail } = features;
  const scaleOf = (difference: number): number => Math.log(difference + LEAST_DETAIL);
  const ratioOf = (difference: number): number => OF_TEXTURE * (scaleOf(difference) - scaleOf(detail));
  const total = intensities.reduce((sum, count) => sum + count, 0);
  // Square roots: their distance is Hellinger's, which weighs rare and frequent values alike.
  const share = (count: number): number => OF_SHARES * Math.sqrt(total === 0 ? 0 : count / total);
  return [
    ...[brightness, contrast, OF_DETAIL * scaleOf(detail)],
    ...[texture.coarse, texture.column, texture.bend].map(ratioOf),
    ...Array.from({ length: BINS }, (_, bin) => share(intensities[bin] ?? 0)),
  ];
}

/** Euclidean. */
export function signatureDistance(left: DriftSignature, right: DriftSignature): number {
  return Math.sqrt(left.reduce((sum, value, at) => sum + (value - (right[at] ?? 0)) ** 2, 0));
}

/** The one with the nearest signature, if one is near enough. */
export function nearestBySignature<Item extends { readonly signature: DriftSignature }>(
  signature: DriftSignature,
  items: Iterable<Item>,
): { readonly item: Item; readonly distance: number } | undefined {
  let nearest: { readonly item: Item; readonly distance: number } | undefined;
  for (const item of items) {
    const distance = signatureDistance(signature, item.signature);
    if (distance <= (nearest?.distance ?? NEAR_DISTANCE)) nearest = { item, distance };
  }
  return nearest;
}
