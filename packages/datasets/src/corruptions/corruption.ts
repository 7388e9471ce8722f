import { MpoError } from "@mpo/core";
import type { ImageSet } from "../images/image-set.ts";
import { defocusBlur, glassBlur, motionBlur, zoomBlur } from "./blur-corruptions.ts";
import type { Corruption, CorruptionOptions } from "./corruption-kernel.ts";
import { CORRUPTION_NAMES, type CorruptionName, type Severity } from "./corruption-name.ts";
import { contrast, elasticTransform, pixelate } from "./digital-corruptions.ts";
import { frost } from "./frost-corruption.ts";
import { jpegCompression } from "./jpeg-corruption.ts";
import { gaussianNoise, impulseNoise, shotNoise } from "./noise-corruptions.ts";
import { asPublishedFiles } from "./published-files.ts";
import { brightness, fog, snow } from "./weather-corruptions.ts";

/**
 * The 15 corruptions of Hendrycks & Dietterich, "Benchmarking Neural Network Robustness to Common
 * Corruptions and Perturbations", ICLR 2019, with the severity tables of CIFAR-10-C for images with a side below 96
 * pixels and those of ImageNet-C for others. What differs from the authors' programs is in this package's README.
 */
const BY_NAME: Readonly<Record<CorruptionName, Corruption>> = {
  gaussian_noise: gaussianNoise,
  shot_noise: shotNoise,
  impulse_noise: impulseNoise,
  defocus_blur: defocusBlur,
  glass_blur: glassBlur,
  motion_blur: motionBlur,
  zoom_blur: zoomBlur,
  snow: snow,
  frost: frost,
  fog: fog,
  brightness: brightness,
  contrast: contrast,
  elastic_transform: elasticTransform,
  pixelate: pixelate,
  jpeg_compression: jpegCompression,
};

/** True when there is a corruption of this name. */
function isCorruptionName(name: string): name is CorruptionName {
  return Object.hasOwn(BY_NAME, name);
}

/**
 * A damaged copy of the images: see `Corruption` for what is promised. Throws `invalid-argument` (unknown name, severity
 * not 1..5, channels not 1 or 3, seed not a whole number) or `cancelled`.
 */
export async function corrupt(
  images: ImageSet,
  name: CorruptionName,
  severity: Severity,
  seed: number,
  options: CorruptionOptions = {},
): Promise<ImageSet> {
  if (!isCorruptionName(name)) {
    throw new MpoError("invalid-argument", `corruption: expected one of ${CORRUPTION_NAMES.join(", ")}, got ${name}`);
  }
  const damaged = await BY_NAME[name](images, severity, seed, options);
  return options.asPublishedFiles === true ? await asPublishedFiles(damaged, options.signal) : damaged;
}
