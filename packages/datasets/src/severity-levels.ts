import type { CorruptionName, Severity } from "./corruption-name.ts";
import type { ImageShape } from "./image-set.ts";

/** Parameters of each corruption at one severity. Lengths are in pixels unless they are shares of the shorter side. */
export interface SeverityLevels {
  gaussian_noise: { readonly sigma: number };
  /** Light quanta counted at full brightness. */
  shot_noise: { readonly photons: number };
  /** Share of values that are hit. */
  impulse_noise: { readonly share: number };
  defocus_blur: { readonly radius: number; readonly aliasSigma: number };
  glass_blur: { readonly sigma: number; readonly reach: number; readonly rounds: number };
  motion_blur: { readonly radius: number; readonly sigma: number };
  /** Enlargements from 1 on, `count` of them, `step` apart. */
  zoom_blur: { readonly count: number; readonly step: number };
  snow: SnowLevel;
  /** Shares of the image and of the ice in the blend. */
  frost: { readonly keep: number; readonly ice: number };
  fog: { readonly thickness: number; readonly decay: number };
  brightness: { readonly added: number };
  /** Share of the contrast that is left. */
  contrast: { readonly kept: number };
  /** Shares of the shorter side. */
  elastic_transform: { readonly push: number; readonly smoothness: number; readonly affine: number };
  /** Size of the shrunk image as a share of the image. */
  pixelate: { readonly share: number };
  jpeg_compression: { readonly quality: number };
}

/** Snow at one severity. */
export interface SnowLevel {
  /** Mean and spread of the noise that flakes are cut from, and the value below which there is no flake. */
  readonly mean: number;
  readonly sigma: number;
  readonly threshold: number;
  /** Enlargement of the flakes. */
  readonly zoom: number;
  readonly trailRadius: number;
  readonly trailSigma: number;
  /** Share of the image that is not whitened. */
  readonly keep: number;
}

type FiveLevels<L> = readonly [L, L, L, L, L];
type LevelTable = { readonly [Name in CorruptionName]: FiveLevels<SeverityLevels[Name]> };

/** Whether images take after CIFAR-10-C (made for sides of 32), not ImageNet-C (224): the shorter side is below 96. */
export function isSmall(shape: ImageShape): boolean {
  return Math.min(shape.height, shape.width) < 96;
}

/** The parameters of a corruption for images of a shape, from the published tables (Hendrycks & Dietterich 2019). */
export function severityLevel<Name extends CorruptionName>(
  name: Name,
  shape: ImageShape,
  severity: Severity,
): SeverityLevels[Name] {
  const table = isSmall(shape) ? CIFAR_10_C : IMAGENET_C;
  return table[name][severity - 1] as SeverityLevels[Name];
}

const CIFAR_10_C: LevelTable = {
  gaussian_noise: [{ sigma: 0.04 }, { sigma: 0.06 }, { sigma: 0.08 }, { sigma: 0.09 }, { sigma: 0.1 }],
  shot_noise: [{ photons: 500 }, { photons: 250 }, { photons: 100 }, { photons: 75 }, { photons: 50 }],
  impulse_noise: [{ share: 0.01 }, { share: 0.02 }, { share: 0.03 }, { share: 0.05 }, { share: 0.07 }],
  defocus_blur: [
    { radius: 0.3, aliasSigma: 0.4 },
    { radius: 0.4, aliasSigma: 0.5 },
    { radius: 0.5, aliasSigma: 0.6 },
    { radius: 1, aliasSigma: 0.2 },
    { radius: 1.5, aliasSigma: 0.1 },
  ],
  glass_blur: [
    { sigma: 0.05, reach: 1, rounds: 1 },
    { sigma: 0.25, reach: 1, rounds: 1 },
    { sigma: 0.4, reach: 1, rounds: 1 },
    { sigma: 0.25, reach: 1, rounds: 2 },
    { sigma: 0.4, reach: 1, rounds: 2 },
  ],
  motion_blur: [
    { radius: 6, sigma: 1 },
    { radius: 6, sigma: 1.5 },
    { radius: 6, sigma: 2 },
    { radius: 8, sigma: 2 },
    { radius: 9, sigma: 2.5 },
  ],
  zoom_blur: [
    { count: 7, step: 0.01 },
    { count: 12, step: 0.01 },
    { count: 16, step: 0.01 },
    { count: 21, step: 0.01 },
    { count: 26, step: 0.01 },
  ],
  snow: [
    { mean: 0.1, sigma: 0.2, zoom: 1, threshold: 0.6, trailRadius: 8, trailSigma: 3, keep: 0.95 },
    { mean: 0.1, sigma: 0.2, zoom: 1, threshold: 0.5, trailRadius: 10, trailSigma: 4, keep: 0.9 },
    { mean: 0.15, sigma: 0.3, zoom: 1.75, threshold: 0.55, trailRadius: 10, trailSigma: 4, keep: 0.9 },
    { mean: 0.25, sigma: 0.3, zoom: 2.25, threshold: 0.6, trailRadius: 12, trailSigma: 6, keep: 0.85 },
    { mean: 0.3, sigma: 0.3, zoom: 1.25, threshold: 0.65, trailRadius: 14, trailSigma: 12, keep: 0.8 },
  ],
  frost: [
    { keep: 1, ice: 0.2 },
    { keep: 1, ice: 0.3 },
    { keep: 0.9, ice: 0.4 },
    { keep: 0.85, ice: 0.4 },
    { keep: 0.75, ice: 0.45 },
  ],
  fog: [
    { thickness: 0.2, decay: 3 },
    { thickness: 0.5, decay: 3 },
    { thickness: 0.75, decay: 2.5 },
    { thickness: 1, decay: 2 },
    { thickness: 1.5, decay: 1.75 },
  ],
  brightness: [{ added: 0.05 }, { added: 0.1 }, { added: 0.15 }, { added: 0.2 }, { added: 0.3 }],
  contrast: [{ kept: 0.75 }, { kept: 0.5 }, { kept: 0.4 }, { kept: 0.3 }, { kept: 0.15 }],
  elastic_transform: [
    { push: 0, smoothness: 0, affine: 0.08 },
    { push: 0.05, smoothness: 0.2, affine: 0.07 },
    { push: 0.08, smoothness: 0.06, affine: 0.06 },
    { push: 0.1, smoothness: 0.04, affine: 0.05 },
    { push: 0.1, smoothness: 0.03, affine: 0.03 },
  ],
  pixelate: [{ share: 0.95 }, { share: 0.9 }, { share: 0.85 }, { share: 0.75 }, { share: 0.65 }],
  jpeg_compression: [{ quality: 80 }, { quality: 65 }, { quality: 58 }, { quality: 50 }, { quality: 40 }],
};

// The published elastic lengths are multiples of 244 for images of 224.
const ELASTIC = 244 / 224;

const IMAGENET_C: LevelTable = {
  gaussian_noise: [{ sigma: 0.08 }, { sigma: 0.12 }, { sigma: 0.18 }, { sigma: 0.26 }, { sigma: 0.38 }],
  shot_noise: [{ photons: 60 }, { photons: 25 }, { photons: 12 }, { photons: 5 }, { photons: 3 }],
  impulse_noise: [{ share: 0.03 }, { share: 0.06 }, { share: 0.09 }, { share: 0.17 }, { share: 0.27 }],
  defocus_blur: [
    { radius: 3, aliasSigma: 0.1 },
    { radius: 4, aliasSigma: 0.5 },
    { radius: 6, aliasSigma: 0.5 },
    { radius: 8, aliasSigma: 0.5 },
    { radius: 10, aliasSigma: 0.5 },
  ],
  glass_blur: [
    { sigma: 0.7, reach: 1, rounds: 2 },
    { sigma: 0.9, reach: 2, rounds: 1 },
    { sigma: 1, reach: 2, rounds: 3 },
    { sigma: 1.1, reach: 3, rounds: 2 },
    { sigma: 1.5, reach: 4, rounds: 2 },
  ],
  motion_blur: [
    { radius: 10, sigma: 3 },
    { radius: 15, sigma: 5 },
    { radius: 15, sigma: 8 },
    { radius: 15, sigma: 12 },
    { radius: 20, sigma: 15 },
  ],
  zoom_blur: [
    { count: 12, step: 0.01 },
    { count: 16, step: 0.01 },
    { count: 11, step: 0.02 },
    { count: 13, step: 0.02 },
    { count: 11, step: 0.03 },
  ],
  snow: [
    { mean: 0.1, sigma: 0.3, zoom: 3, threshold: 0.5, trailRadius: 10, trailSigma: 4, keep: 0.8 },
    { mean: 0.2, sigma: 0.3, zoom: 2, threshold: 0.5, trailRadius: 12, trailSigma: 4, keep: 0.7 },
    { mean: 0.55, sigma: 0.3, zoom: 4, threshold: 0.9, trailRadius: 12, trailSigma: 8, keep: 0.7 },
    { mean: 0.55, sigma: 0.3, zoom: 4.5, threshold: 0.85, trailRadius: 12, trailSigma: 8, keep: 0.65 },
    { mean: 0.55, sigma: 0.3, zoom: 2.5, threshold: 0.85, trailRadius: 12, trailSigma: 12, keep: 0.55 },
  ],
  frost: [
    { keep: 1, ice: 0.4 },
    { keep: 0.8, ice: 0.6 },
    { keep: 0.7, ice: 0.7 },
    { keep: 0.65, ice: 0.7 },
    { keep: 0.6, ice: 0.75 },
  ],
  fog: [
    { thickness: 1.5, decay: 2 },
    { thickness: 2, decay: 2 },
    { thickness: 2.5, decay: 1.7 },
    { thickness: 2.5, decay: 1.5 },
    { thickness: 3, decay: 1.4 },
  ],
  brightness: [{ added: 0.1 }, { added: 0.2 }, { added: 0.3 }, { added: 0.4 }, { added: 0.5 }],
  contrast: [{ kept: 0.4 }, { kept: 0.3 }, { kept: 0.2 }, { kept: 0.1 }, { kept: 0.05 }],
  elastic_transform: [
    { push: 2 * ELASTIC, smoothness: 0.7 * ELASTIC, affine: 0.1 * ELASTIC },
    { push: 2 * ELASTIC, smoothness: 0.08 * ELASTIC, affine: 0.2 * ELASTIC },
    { push: 0.05 * ELASTIC, smoothness: 0.01 * ELASTIC, affine: 0.02 * ELASTIC },
    { push: 0.07 * ELASTIC, smoothness: 0.01 * ELASTIC, affine: 0.02 * ELASTIC },
    { push: 0.12 * ELASTIC, smoothness: 0.01 * ELASTIC, affine: 0.02 * ELASTIC },
  ],
  pixelate: [{ share: 0.6 }, { share: 0.5 }, { share: 0.4 }, { share: 0.3 }, { share: 0.25 }],
  jpeg_compression: [{ quality: 25 }, { quality: 18 }, { quality: 15 }, { quality: 10 }, { quality: 7 }],
};
