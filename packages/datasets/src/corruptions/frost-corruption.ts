import { MpoError } from "@mpo/core";
import type { ImageSet, ImageShape } from "../images/image-set.ts";
import { createRandom, deriveSeed } from "../images/random.ts";
import { type Corruption, type ImageKernel, perImage } from "./corruption-kernel.ts";
import { LUMA_WEIGHTS } from "./luma.ts";
import { plasma, powerOfTwoFrom } from "./plasma.ts";
import { isSmall, type SeverityLevels } from "./severity-levels.ts";

/** Ice on the lens, blended over the image: procedural, or cut from the published photographs where these are given. */
export const frost: Corruption = perImage("frost", (shape, level, seed, { frostPictures }) =>
  frostPictures === undefined ? proceduralFrost(shape, level, seed) : photographedFrost(shape, level, frostPictures),
);

/** What a crop of one of the five published photographs looks like: levels of 0..255. */
interface Ice {
  /** Mean of red, green and blue. */
  readonly mean: readonly [number, number, number];
  /** Spread inside a crop, and of the mean from crop to crop. */
  readonly within: number;
  readonly between: number;
}

/** Measured on crops of the photographs that the published program draws from. */
const ICES: readonly Ice[] = [
  { mean: [77, 148, 164], within: 15, between: 10 },
  { mean: [199, 203, 212], within: 19, between: 7 },
  { mean: [199, 203, 212], within: 19, between: 7 },
  { mean: [144, 159, 172], within: 26, between: 7 },
  { mean: [102, 113, 125], within: 35, between: 12 },
];

/** Decay of the fractal whose pixels are as like their neighbours as the photographs': shrunk for small images, or not. */
const ICE_DECAY = { small: 0.9, large: 1 };

function proceduralFrost(shape: ImageShape, { keep, ice }: SeverityLevels["frost"], seed: number): ImageKernel {
  const { height, width, channels } = shape;
  const size = powerOfTwoFrom(2 * Math.max(height, width));
  const decay = ICE_DECAY[isSmall(shape) ? "small" : "large"];
  const texture = standardised(plasma(size, decay, createRandom(deriveSeed(seed, "ice"))));
  const mask = size - 1;
  return (input, output, random) => {
    const { mean, within, between } = ICES[random.integer(ICES.length)]!;
    const means = channels === 3 ? mean : [luma(mean)];
    const shift = between * random.gaussian();
    const top = random.integer(size);
    const left = random.integer(size);
    for (let y = 0, i = 0; y < height; y++) {
      const row = ((top + y) & mask) * size;
      for (let x = 0; x < width; x++) {
        const added = shift + within * texture[row + ((left + x) & mask)]!;
        for (let c = 0; c < channels; c++, i++) {
          output[i] = keep * input[i]! + (ice * Math.min(255, Math.max(0, means[c]! + added))) / 255;
        }
      }
    }
  };
}

function photographedFrost(
  shape: ImageShape,
  { keep, ice }: SeverityLevels["frost"],
  pictures: readonly ImageSet[],
): ImageKernel {
  const { height, width, channels } = shape;
  // The published program shrinks the photographs for small images: of five pixels it takes the third.
  const step = isSmall(shape) ? 5 : 1;
  const first = Math.floor(step / 2);
  const places = pictures.map((picture) => ({
    picture,
    rows: Math.round(picture.height / step) - height,
    columns: Math.round(picture.width / step) - width,
  }));
  if (places.length === 0 || places.some((p) => p.picture.channels !== 3 || p.rows < 1 || p.columns < 1)) {
    const least = `${step * (height + 1)}x${step * (width + 1)}x3`;
    throw new MpoError("invalid-argument", `frost: expected pictures of at least ${least} for ${height}x${width}`);
  }
  return (input, output, random) => {
    const { picture, rows, columns } = places[random.integer(places.length)]!;
    const top = random.integer(rows);
    const left = random.integer(columns);
    for (let y = 0, i = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const from = 3 * ((first + step * (top + y)) * picture.width + first + step * (left + x));
        const pixel = picture.images.subarray(from, from + 3);
        for (let c = 0; c < channels; c++, i++) {
          output[i] = keep * input[i]! + ice * (channels === 3 ? pixel[c]! : luma(pixel));
        }
      }
    }
  };
}

function luma(pixel: ArrayLike<number>): number {
  return LUMA_WEIGHTS.reduce((sum, weight, c) => sum + weight * pixel[c]!, 0);
}

/** Shifted and scaled to mean 0 and spread 1. */
function standardised(values: Float64Array): Float64Array {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const spread = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length) || 1;
  return values.map((value) => (value - mean) / spread);
}
