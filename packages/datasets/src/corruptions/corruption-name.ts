/** The 15 corruptions of the CIFAR-10-C / ImageNet-C family, by their published names. */
export const CORRUPTION_NAMES = [
  "gaussian_noise",
  "shot_noise",
  "impulse_noise",
  "defocus_blur",
  "glass_blur",
  "motion_blur",
  "zoom_blur",
  "snow",
  "frost",
  "fog",
  "brightness",
  "contrast",
  "elastic_transform",
  "pixelate",
  "jpeg_compression",
] as const;

export type CorruptionName = (typeof CORRUPTION_NAMES)[number];

/** 1 (slight) to 5 (strong). */
export type Severity = 1 | 2 | 3 | 4 | 5;
