import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { MpoError } from "@mpo/core";
import sharp from "sharp";
import { concatImages, type ImageSet, imageAt, sliceImages } from "../images/image-set.ts";
import { coded } from "../test-support/coded.ts";
import { syntheticImages } from "../testing/synthetic-images.ts";
import { corrupt } from "./corruption.ts";
import { CORRUPTION_NAMES, type CorruptionName, type Severity } from "./corruption-name.ts";

const SEVERITIES: readonly Severity[] = [1, 2, 3, 4, 5];
const grey28 = syntheticImages({ count: 60, height: 28, width: 28, channels: 1, seed: 5 });
const colour32 = syntheticImages({ count: 60, height: 32, width: 32, channels: 3, seed: 5 });

function distance(a: ImageSet, b: ImageSet): number {
  let sum = 0;
  for (const [i, value] of a.images.entries()) sum += (value - b.images[i]!) ** 2;
  return sum / a.images.length;
}

/**
 * Steps (from severity, to the next) where the published table itself does not add distance, and why:
 * glass blur only blurs more over the same scattering; motion blur only lengthens a tail of no weight; elastic transform
 * takes back the affine part while it adds small dents; frost takes away more image than it adds ice; pixelate shifts its
 * box grid.
 */
const FLAT_STEPS: Readonly<Partial<Record<CorruptionName, readonly number[]>>> = {
  glass_blur: [1, 2, 4],
  motion_blur: [3],
  elastic_transform: [1, 2, 3, 4],
  frost: [3, 4],
  pixelate: [2],
};

for (const name of CORRUPTION_NAMES) {
  void test(`${name}: distance to the clean image grows with severity`, async () => {
    for (const set of [grey28, colour32]) {
      let before = 0;
      for (const severity of SEVERITIES) {
        const found = distance(set, await corrupt(set, name, severity, 1));
        assert.ok(found > 1e-5, `severity ${severity} changes nothing`);
        const isFlat = FLAT_STEPS[name]?.includes(severity - 1) ?? false;
        if (!isFlat) assert.ok(found > before, `severity ${severity}: ${found} after ${before}`);
        before = found;
      }
    }
  });

  void test(`${name}: same seed, same bytes, however the set is split`, async () => {
    for (const set of [grey28, colour32]) {
      const small = sliceImages(set, 0, 7);
      const whole = await corrupt(small, name, 3, 9);
      assert.deepEqual(await corrupt(small, name, 3, 9), whole);
      const parts = [
        await corrupt(sliceImages(small, 0, 1), name, 3, 9),
        await corrupt(sliceImages(small, 1, 5), name, 3, 9, { firstIndex: 1 }),
        await corrupt(sliceImages(small, 5, 7), name, 3, 9, { firstIndex: 5 }),
      ];
      assert.deepEqual(concatImages(parts), whole);
    }
  });

  void test(`${name}: any size and 1 or 3 channels give values in 0..1, the source untouched`, async () => {
    for (const [height, width, channels] of [
      [224, 224, 3],
      [33, 20, 1],
      [96, 130, 3],
      [3, 2, 3],
      [1, 1, 1],
    ] as const) {
      const set = syntheticImages({ count: 1, height, width, channels, seed: 2 });
      const source = set.images.slice();
      for (const severity of [1, 5] as const) {
        const damaged = await corrupt(set, name, severity, 4);
        assert.equal(damaged.images.length, set.images.length);
        assert.equal(damaged.labels, set.labels);
        assert.ok(
          damaged.images.every((value) => value >= 0 && value <= 1),
          `${height}x${width}x${channels}`,
        );
      }
      assert.deepEqual(set.images, source);
    }
  });
}

const SEEDLESS: readonly CorruptionName[] = [
  "defocus_blur",
  "zoom_blur",
  "brightness",
  "contrast",
  "pixelate",
  "jpeg_compression",
];

void test("seeds matter exactly where something is drawn at random", async () => {
  const digest = (set: ImageSet): string => createHash("sha256").update(set.images).digest("hex");
  const set = sliceImages(colour32, 0, 3);
  for (const name of CORRUPTION_NAMES) {
    const isSame = digest(await corrupt(set, name, 4, 1)) === digest(await corrupt(set, name, 4, 2));
    assert.equal(isSame, SEEDLESS.includes(name), name);
  }
});

void test("pixel arithmetic of the simple ones", async () => {
  const images = Float32Array.from([0, 0, 0, 0.8, 0.4, 0]);
  const set: ImageSet = { images, count: 1, height: 1, width: 2, channels: 3 };
  const close = async (name: CorruptionName, expected: readonly number[]): Promise<void> => {
    const found = (await corrupt(set, name, 3, 1)).images;
    for (const [i, value] of expected.entries()) assert.ok(Math.abs(found[i]! - value) < 1e-6, `${name} ${found}`);
  };
  await close("brightness", [0.15, 0.15, 0.15, 0.95, 0.475, 0]);
  await close("contrast", [0.24, 0.12, 0, 0.56, 0.28, 0]);
});

void test("noise has the published strength", async () => {
  const flat: ImageSet = {
    images: new Float32Array(40 * 1024).fill(0.5),
    count: 40,
    height: 32,
    width: 32,
    channels: 1,
  };
  const spread = async (name: CorruptionName): Promise<number> =>
    Math.sqrt(distance(flat, await corrupt(flat, name, 5, 3)));
  assert.ok(Math.abs((await spread("gaussian_noise")) - 0.1) < 0.002);
  assert.ok(Math.abs((await spread("shot_noise")) - Math.sqrt(0.5 / 50)) < 0.002);
  assert.ok(Math.abs((await spread("impulse_noise")) - 0.5 * Math.sqrt(0.07)) < 0.005);
});

void test("as in the published files: small images cut to levels, large ones written as JPEG of quality 85", async () => {
  const cut = (set: ImageSet): Uint8Array => Uint8Array.from(set.images, (value) => Math.floor(value * 255 + 1e-4));
  for (const name of ["gaussian_noise", "pixelate", "jpeg_compression"] as const) {
    const set = sliceImages(colour32, 0, 4);
    const found = await corrupt(set, name, 3, 1, { asPublishedFiles: true });
    assert.deepEqual(
      found.images,
      Float32Array.from(cut(await corrupt(set, name, 3, 1)), (byte) => byte / 255),
    );
  }
  const large = syntheticImages({ count: 1, height: 224, width: 224, channels: 3, seed: 5 });
  const raw = { width: 224, height: 224, channels: 3 } as const;
  const pixels = cut(await corrupt(large, "gaussian_noise", 3, 1));
  const jpeg = await sharp(pixels, { raw }).jpeg({ quality: 85, chromaSubsampling: "4:2:0" }).toBuffer();
  const found = await corrupt(large, "gaussian_noise", 3, 1, { asPublishedFiles: true });
  assert.deepEqual(
    found.images,
    Float32Array.from(await sharp(jpeg).raw().toBuffer(), (byte) => byte / 255),
  );
});

void test("blurs and pixelate keep a flat image flat", async () => {
  const flat: ImageSet = { images: new Float32Array(784).fill(0.5), count: 1, height: 28, width: 28, channels: 1 };
  const names = [
    "defocus_blur",
    "glass_blur",
    "motion_blur",
    "zoom_blur",
    "pixelate",
    "elastic_transform",
    "contrast",
  ] as const;
  for (const name of names) {
    const found = (await corrupt(flat, name, 5, 3)).images;
    assert.ok(
      found.every((value) => Math.abs(value - 0.5) < 1e-6),
      name,
    );
  }
});

void test("wrong arguments and an aborted signal are refused", async () => {
  const two = syntheticImages({ count: 1, height: 8, width: 8, channels: 2, seed: 1 });
  await assert.rejects(corrupt(grey28, "rain" as CorruptionName, 1, 1), coded("invalid-argument"));
  await assert.rejects(corrupt(grey28, "toString" as CorruptionName, 1, 1), coded("invalid-argument"));
  await assert.rejects(corrupt(grey28, "fog", 6 as Severity, 1), coded("invalid-argument"));
  await assert.rejects(corrupt(grey28, "fog", 1, 0.5), coded("invalid-argument"));
  for (const name of CORRUPTION_NAMES) {
    await assert.rejects(corrupt(two, name, 1, 1), coded("invalid-argument"), name);
    await assert.rejects(corrupt(grey28, name, 1, 1, { signal: AbortSignal.abort() }), coded("cancelled"), name);
  }
});

void test("a running corruption stops when its signal is aborted", async () => {
  const many = syntheticImages({ count: 800, height: 32, width: 32, channels: 3, seed: 1 });
  const controller = new AbortController();
  const running = corrupt(many, "gaussian_noise", 1, 1, { signal: controller.signal });
  setImmediate(() => controller.abort());
  await assert.rejects(running, (error) => error instanceof MpoError && error.code === "cancelled");
});

for (const [height, width, channels] of [
  [28, 28, 1],
  [32, 32, 3],
  [30, 21, 3],
  [224, 224, 3],
] as const) {
  void test(`JPEG of many images at a time is byte for byte that of each: ${height}x${width}x${channels}`, async () => {
    const set = syntheticImages({ count: 3, height, width, channels, seed: 5 });
    for (const [severity, qualities] of [
      [1, [80, 25]],
      [5, [40, 7]],
    ] as const) {
      const quality = qualities[Number(height > 96)]!;
      const damaged = await corrupt(set, "jpeg_compression", severity, 1);
      for (let i = 0; i < set.count; i++) {
        const pixels = Uint8Array.from(imageAt(set, i), (value) => Math.round(value * 255));
        const space = channels === 1 ? "b-w" : "srgb";
        const raw = sharp(pixels, { raw: { width, height, channels } }).toColourspace(space);
        const jpeg = await raw.jpeg({ quality, chromaSubsampling: "4:2:0" }).toBuffer();
        const decoded = await sharp(jpeg).toColourspace(space).raw().toBuffer();
        assert.deepEqual(
          imageAt(damaged, i),
          Float32Array.from(decoded, (byte) => byte / 255),
        );
      }
    }
  });
}
