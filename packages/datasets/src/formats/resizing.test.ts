import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import sharp from "sharp";
import { loadPictures } from "./image-folder.ts";
import { resample } from "./resample.ts";
import { FILTERS, type Resizing } from "./resizing.ts";

let root: string;
let picture: string;
const SIDE = { width: 8, height: 4 };
/** Each pixel another value. */
const VALUES = Uint8Array.from({ length: 32 }, (_, at) => (at * 37) % 256);

before(async () => {
  root = await mkdtemp(join(tmpdir(), "mpo-resizing-"));
  picture = join(root, "a.png");
  await sharp(VALUES, { raw: { ...SIDE, channels: 1 } })
    .png()
    .toFile(picture);
});
after(() => rm(root, { recursive: true, force: true }));

async function read(height: number, width: number, resizing: Resizing): Promise<readonly number[]> {
  const { images } = await loadPictures(picture, { height, width, channels: 1, ...resizing });
  return Array.from(images, (value) => Math.round(value * 255 + 1e-4));
}

const pixel = (y: number, x: number): number => VALUES[y * SIDE.width + x]!;

void test("nearest takes the pixel under the middle, as Pillow does", async () => {
  // From 8 columns to 3, middles at 1.33, 4 and 6.67; from 4 rows to 2, at 1 and 3.
  const expected = [1, 3].flatMap((y) => [1, 4, 6].map((x) => pixel(y, x)));
  assert.deepEqual(await read(2, 3, { filter: "nearest" }), expected);
  assert.deepEqual(await read(4, 8, { filter: "nearest" }), [...VALUES]);
});

void test("bilinear-plain lies between the nearest four, as TensorFlow's does, and looks at no others", async () => {
  // From 8 columns to 2, centres at 1.5 and 5.5; the rows stay.
  const expected = [0, 1, 2, 3].flatMap((y) => [1, 5].map((x) => Math.round((pixel(y, x) + pixel(y, x + 1)) / 2)));
  assert.deepEqual(await read(4, 2, { filter: "bilinear-plain" }), expected);
  // Larger: a quarter from the outer pixels, whose neighbours outside are themselves.
  const [first = 0, ...row] = (await read(4, 16, { filter: "bilinear-plain" })).slice(0, 3);
  assert.equal(first, pixel(0, 0));
  const between = [0.25, 0.75].map((share) => Math.round(pixel(0, 0) * (1 - share) + pixel(0, 1) * share));
  assert.deepEqual(row, between);
});

for (const [height, width, fit, expected] of [
  [5, 7, "stretch", [60.75, 172.75, 29.25, 222.25, 178.4167, 132.4167]],
  [5, 7, "crop", [53.9167, 101.9167, 57.75, 222.75, 135.5833, 33.5833]],
] as const) {
  void test(`bilinear-plain, ${fit}: parts of a number are what Keras' Resizing(3, 2) gives`, () => {
    const pixels = Uint8Array.from({ length: height * width }, (_, at) => at * at * 7);
    const to = { height: 3, width: 2, channels: 1 };
    const found = resample(pixels, { height, width }, to, { fit, filter: "bilinear-plain" });
    for (const [at, value] of expected.entries()) assert.ok(Math.abs(found[at]! - value) < 1e-3, String(found));
  });
}

void test("both are cut to the middle and set on black like the others", async () => {
  for (const filter of ["nearest", "bilinear-plain"] as const) {
    const middle = [0, 1, 2, 3].flatMap((y) => [2, 3, 4, 5].map((x) => pixel(y, x)));
    assert.deepEqual(await read(4, 4, { filter, fit: "crop" }), middle);
    const whole = await read(8, 8, { filter, fit: "letterbox" });
    const black = Array.from({ length: 16 }, () => 0);
    assert.deepEqual(whole, [...black, ...VALUES, ...black]);
  }
});

void test("each filter is another, lanczos3 where nothing is stated, which a line says", async () => {
  const found = await Promise.all(FILTERS.map((filter) => read(3, 3, { filter })));
  assert.equal(new Set(found.map(String)).size, FILTERS.length);
  assert.deepEqual(await read(3, 3, {}), found[0]);
  const notes: string[] = [];
  const note = (text: string): void => void notes.push(text);
  await loadPictures(picture, { height: 3, width: 3, channels: 1, note });
  await loadPictures(picture, { height: 3, width: 3, channels: 1, fit: "crop", filter: "cubic", note });
  await loadPictures(picture, { ...SIDE, channels: 1, note });
  assert.deepEqual(notes, ["pictures are brought to 3x3: stretch, lanczos3 (--input-fit, --input-filter)"]);
});

void test("bilinear means over all that becomes one pixel, as Pillow's does", async () => {
  // Weights of Pillow's triangle from 8 columns to 2: 4 wide to either side of 2 and 6.
  const weights = [1, 3, 5, 7, 7, 5, 3, 1];
  const shown = [0, 1, 2, 3].flatMap((y) =>
    [2, 6].map((centre) => {
      let sum = 0;
      let total = 0;
      for (const [at, weight] of weights.entries()) {
        const x = centre - 4 + at;
        if (x < 0 || x >= SIDE.width) continue;
        sum += weight * pixel(y, x);
        total += weight;
      }
      return sum / total;
    }),
  );
  const found = await read(4, 2, { filter: "bilinear" });
  for (const [at, value] of found.entries()) assert.ok(Math.abs(value - shown[at]!) <= 0.51, `${found} ${shown}`);
});
