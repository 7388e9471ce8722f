import type { ImageShape } from "../images/image-set.ts";
import type { CorruptionName, Severity } from "./corruption-name.ts";

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
  snow: {
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
  };
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

/** Each parameter of each corruption, from the slightest to the strongest severity. */
type LevelTable = {
  readonly [Name in CorruptionName]: {
    readonly [Parameter in keyof SeverityLevels[Name]]: readonly [number, number, number, number, number];
  };
};

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
  const parameters = Object.entries<readonly number[]>(table[name]);
  return Object.fromEntries(parameters.map(([key, values]) => [key, values[severity - 1]])) as SeverityLevels[Name];
}

const CIFAR_10_C: LevelTable = {
  gaussian_noise: { sigma: [0.04, 0.06, 0.08, 0.09, 0.1] },
  shot_noise: { photons: [500, 250, 100, 75, 50] },
  impulse_noise: { share: [0.01, 0.02, 0.03, 0.05, 0.07] },
  defocus_blur: { radius: [0.3, 0.4, 0.5, 1, 1.5], aliasSigma: [0.4, 0.5, 0.6, 0.2, 0.1] },
  glass_blur: { sigma: [0.05, 0.25, 0.4, 0.25, 0.4], reach: [1, 1, 1, 1, 1], rounds: [1, 1, 1, 2, 2] },
  motion_blur: { radius: [6, 6, 6, 8, 9], sigma: [1, 1.5, 2, 2, 2.5] },
  zoom_blur: { count: [7, 12, 16, 21, 26], step: [0.01, 0.01, 0.01, 0.01, 0.01] },
  snow: {
    mean: [0.1, 0.1, 0.15, 0.25, 0.3],
    sigma: [0.2, 0.2, 0.3, 0.3, 0.3],
    zoom: [1, 1, 1.75, 2.25, 1.25],
    threshold: [0.6, 0.5, 0.55, 0.6, 0.65],
    trailRadius: [8, 10, 10, 12, 14],
    trailSigma: [3, 4, 4, 6, 12],
    keep: [0.95, 0.9, 0.9, 0.85, 0.8],
  },
  frost: { keep: [1, 1, 0.9, 0.85, 0.75], ice: [0.2, 0.3, 0.4, 0.4, 0.45] },
  fog: { thickness: [0.2, 0.5, 0.75, 1, 1.5], decay: [3, 3, 2.5, 2, 1.75] },
  brightness: { added: [0.05, 0.1, 0.15, 0.2, 0.3] },
  contrast: { kept: [0.75, 0.5, 0.4, 0.3, 0.15] },
  elastic_transform: {
    push: [0, 0.05, 0.08, 0.1, 0.1],
    smoothness: [0, 0.2, 0.06, 0.04, 0.03],
    affine: [0.08, 0.07, 0.06, 0.05, 0.03],
  },
  pixelate: { share: [0.95, 0.9, 0.85, 0.75, 0.65] },
  jpeg_compression: { quality: [80, 65, 58, 50, 40] },
};

// The published elastic lengths are multiples of 244 for images of 224.
const ELASTIC = 244 / 224;

const IMAGENET_C: LevelTable = {
  gaussian_noise: { sigma: [0.08, 0.12, 0.18, 0.26, 0.38] },
  shot_noise: { photons: [60, 25, 12, 5, 3] },
  impulse_noise: { share: [0.03, 0.06, 0.09, 0.17, 0.27] },
  defocus_blur: { radius: [3, 4, 6, 8, 10], aliasSigma: [0.1, 0.5, 0.5, 0.5, 0.5] },
  glass_blur: { sigma: [0.7, 0.9, 1, 1.1, 1.5], reach: [1, 2, 2, 3, 4], rounds: [2, 1, 3, 2, 2] },
  motion_blur: { radius: [10, 15, 15, 15, 20], sigma: [3, 5, 8, 12, 15] },
  zoom_blur: { count: [12, 16, 11, 13, 11], step: [0.01, 0.01, 0.02, 0.02, 0.03] },
  snow: {
    mean: [0.1, 0.2, 0.55, 0.55, 0.55],
    sigma: [0.3, 0.3, 0.3, 0.3, 0.3],
    zoom: [3, 2, 4, 4.5, 2.5],
    threshold: [0.5, 0.5, 0.9, 0.85, 0.85],
    trailRadius: [10, 12, 12, 12, 12],
    trailSigma: [4, 4, 8, 8, 12],
    keep: [0.8, 0.7, 0.7, 0.65, 0.55],
  },
  frost: { keep: [1, 0.8, 0.7, 0.65, 0.6], ice: [0.4, 0.6, 0.7, 0.7, 0.75] },
  fog: { thickness: [1.5, 2, 2.5, 2.5, 3], decay: [2, 2, 1.7, 1.5, 1.4] },
  brightness: { added: [0.1, 0.2, 0.3, 0.4, 0.5] },
  contrast: { kept: [0.4, 0.3, 0.2, 0.1, 0.05] },
  elastic_transform: {
    push: [2 * ELASTIC, 2 * ELASTIC, 0.05 * ELASTIC, 0.07 * ELASTIC, 0.12 * ELASTIC],
    smoothness: [0.7 * ELASTIC, 0.08 * ELASTIC, 0.01 * ELASTIC, 0.01 * ELASTIC, 0.01 * ELASTIC],
    affine: [0.1 * ELASTIC, 0.2 * ELASTIC, 0.02 * ELASTIC, 0.02 * ELASTIC, 0.02 * ELASTIC],
  },
  pixelate: { share: [0.6, 0.5, 0.4, 0.3, 0.25] },
  jpeg_compression: { quality: [25, 18, 15, 10, 7] },
};
