import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { before, test } from "node:test";
import type { ImageSet } from "../images/image-set.ts";
import { createRandom } from "../images/random.ts";
import { syntheticImages } from "../testing/synthetic-images.ts";
import { corrupt } from "./corruption.ts";
import { CORRUPTION_NAMES, type CorruptionName, type Severity } from "./corruption-name.ts";

/**
 * What the authors' own functions gave for the pictures below (`make_cifar_c.py` at 32, `make_imagenet_c.py` at 224, with
 * OpenCV 4.10, SciPy 1.15, scikit-image 0.25, Pillow 12.3 and ImageMagick 6.9) when their random numbers were those that
 * this package draws. By corruption, side and severity, in levels of 0..255: the mean, the mean squared distance to the
 * clean picture, and twelve values at equal distances from the first to the last.
 */
type AuthorsValues = Readonly<Record<CorruptionName, Readonly<Record<"32" | "224", readonly (readonly number[])[]>>>>;
let authorsValues: AuthorsValues;
before(async () => {
  const file = new URL("../../src/test-support/authors-values.json", import.meta.url);
  authorsValues = JSON.parse(await readFile(file, "utf8")) as AuthorsValues;
});

/** Where the authors cut to whole levels on the way: how far that may take a value, and the picture's mean. */
const CUT: Readonly<Partial<Record<CorruptionName, { readonly value: number; readonly mean: number }>>> = {
  glass_blur: { value: 1, mean: 0.6 },
  motion_blur: { value: 1, mean: 0.6 },
  pixelate: { value: 1, mean: 0.6 },
  snow: { value: 2.5, mean: 0.9 },
};

/** A drawing with some grain, in whole levels. */
function picture(side: number): ImageSet {
  const drawings = syntheticImages({ count: 6, height: side, width: side, channels: 3, seed: 11 });
  const random = createRandom(12);
  const images = drawings.images
    .slice(5 * side * side * 3)
    .map((value) => Math.round(255 * (0.75 * value + 0.25 * random.uniform())) / 255);
  return { images, count: 1, height: side, width: side, channels: 3 };
}

/** In place of the photographs of ice, which cannot be shipped. */
const frostPictures: readonly ImageSet[] = [1, 2, 3, 4, 5].map((k) => {
  const shape = { count: 1, height: 240, width: 260, channels: 3 };
  const level = (_: unknown, i: number): number => (Math.imul(i + k, 0x9e3779b1) >>> 24) / 255;
  return { ...shape, images: Float32Array.from({ length: 240 * 260 * 3 }, level) };
});

for (const side of [32, 224] as const) {
  const clean = picture(side);
  for (const name of CORRUPTION_NAMES) {
    void test(`${name} at ${side}: the values of the authors' function`, async () => {
      const cut = CUT[name] ?? { value: 0.011, mean: 0.006 };
      for (const severity of [1, 2, 3, 4, 5] as const satisfies readonly Severity[]) {
        const { images } = await corrupt(clean, name, severity, 1, { frostPictures });
        const [mean, squares, ...values] = authorsValues[name][side][severity - 1] as [number, number, ...number[]];
        const near = (what: string, found: number, expected: number, within: number): void => {
          const off = Math.abs(found - expected);
          assert.ok(off <= within, `severity ${severity}: ${what} ${found} is not ${expected} +- ${within}`);
        };
        const meanOf = (value: (level: number, i: number) => number): number =>
          images.reduce((sum, share, i) => sum + value(255 * share, i), 0) / images.length;
        near(
          "mean",
          meanOf((level) => level),
          mean,
          cut.mean,
        );
        const found = meanOf((level, i) => (level - 255 * clean.images[i]!) ** 2);
        near("squared distance", found, squares, squares * (name in CUT ? 0.03 : 0.0002) + 0.006);
        for (const [i, value] of values.entries()) {
          const at = Math.floor((i * (images.length - 1)) / (values.length - 1));
          near(`value ${at}`, 255 * images[at]!, value, cut.value);
        }
      }
    });
  }
}
