import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import sharp from "sharp";
import { type ImageSet, imageAt, imageLength } from "../images/image-set.ts";
import { coded } from "../test-support/coded.ts";
import { corrupt } from "./corruption.ts";
import { loadFrostPictures } from "./frost-pictures.ts";

function black(count: number, side: number, channels = 3): ImageSet {
  return { images: new Float32Array(count * side * side * channels), count, height: side, width: side, channels };
}

function meanAndSpread(values: readonly number[]): readonly [mean: number, spread: number] {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return [mean, Math.sqrt(squares / values.length)];
}

// Crops of 32 of the shrunk photographs, and of 224: mean 163 and 163, spread of their means 38.6 and 37.1, spread inside
// one 22.4 and 24.0 (of the three colours' mean).
for (const { side, count, weight } of [
  { side: 32, count: 1000, weight: 0.2 },
  { side: 224, count: 150, weight: 0.4 },
]) {
  void test(`procedural ice is as bright, as varied and as grained as the photographs, at ${side}`, async () => {
    const set = await corrupt(black(count, side), "frost", 1, 1);
    const crops = Array.from({ length: count }, (_, i) => {
      const image = imageAt(set, i);
      const grey = Array.from({ length: side * side }, (_, p) => {
        const level = (image[3 * p]! + image[3 * p + 1]! + image[3 * p + 2]!) / 3;
        return (255 * level) / weight;
      });
      return meanAndSpread(grey);
    });
    const [mean, between] = meanAndSpread(crops.map(([crop]) => crop));
    const [within] = meanAndSpread(crops.map(([, spread]) => spread));
    assert.ok(Math.abs(mean - 163) < 4, `mean ${mean}`);
    assert.ok(Math.abs(between - 38) < 3, `between ${between}`);
    assert.ok(Math.abs(within - 23) < 2, `within ${within}`);
  });
}

void test("photographs are read from a folder and cut as published", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "mpo-frost-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  await assert.rejects(loadFrostPictures(folder), coded("not-found", /cannot read .*frost1\.png/u));
  for (const [i, name] of ["frost1.png", "frost2.png", "frost3.png", "frost4.jpg", "frost5.jpg"].entries()) {
    const background = { r: 40 * (i + 1), g: 100, b: 20 };
    const file = sharp({ create: { width: 260 + i, height: 240, channels: 3, background } });
    await writeFile(join(folder, name), await file.toFormat(name.endsWith("png") ? "png" : "jpeg").toBuffer());
  }
  const frostPictures = await loadFrostPictures(folder);
  assert.deepEqual(
    frostPictures.map((picture) => [picture.height, picture.width, picture.channels, imageLength(picture)]),
    [260, 261, 262, 263, 264].map((width) => [240, width, 3, 240 * width * 3]),
  );
  for (const [side, channels] of [
    [32, 3],
    [224, 3],
    [28, 1],
  ] as const) {
    const set = black(20, side, channels);
    const frozen = await corrupt(set, "frost", 1, 1, { frostPictures });
    const weight = side === 224 ? 0.4 : 0.2;
    const reds = new Set(Array.from({ length: 20 }, (_, i) => Math.round((255 * imageAt(frozen, i)[0]!) / weight)));
    const shown = channels === 3 ? [40, 80, 120, 160, 200] : [40, 80, 120, 160, 200].map((r) => 0.299 * r + 61);
    assert.ok(reds.size >= 4 && [...reds].every((red) => shown.some((one) => Math.abs(one - red) < 2)), `${[...reds]}`);
  }
  for (const side of [50, 240]) {
    const small = corrupt(black(1, side), "frost", 1, 1, { frostPictures });
    await assert.rejects(small, coded("invalid-argument", /^frost: expected pictures of at least/u));
  }
  await assert.rejects(loadFrostPictures(folder, { signal: AbortSignal.abort() }), coded("cancelled", /./u));
  await writeFile(join(folder, "frost2.png"), "no picture");
  await assert.rejects(loadFrostPictures(folder), coded("invalid-data", /frost2\.png/u));
});
