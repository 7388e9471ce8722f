import assert from "node:assert/strict";
import { test } from "node:test";
import { corrupt } from "../corruptions/corruption.ts";
import { coded } from "../test-support/coded.ts";
import { syntheticImages } from "../testing/synthetic-images.ts";
import { concatImages, type ImageSet, imageAt } from "./image-set.ts";
import { type ImageStreamOptions, imageStream } from "./image-stream.ts";

const source = syntheticImages({ count: 50, height: 12, width: 12, channels: 1, seed: 8 });
const clean: ImageStreamOptions = { source, seed: 3 };
const foggy: ImageStreamOptions = { ...clean, drift: { corruption: "fog", severity: 5 } };

/** 120 images, read so many at a time. */
async function collect(options: ImageStreamOptions, atOnce = 16): Promise<ImageSet> {
  const read = imageStream(options);
  const parts: ImageSet[] = [];
  for (let from = 0; from < 120; from += atOnce) parts.push(await read(from, Math.min(120, from + atOnce)));
  return concatImages(parts);
}

void test("clean images are the source in random order, each once before any comes again", async () => {
  const whole = await collect(clean);
  const keyOf = (set: ImageSet, i: number): string => imageAt(set, i).join();
  const sourceKeys = Array.from({ length: 50 }, (_, i) => keyOf(source, i));
  const drawn = Array.from({ length: 120 }, (_, i) => sourceKeys.indexOf(keyOf(whole, i)));
  for (const start of [0, 50]) assert.equal(new Set(drawn.slice(start, start + 50)).size, 50);
  assert.notDeepEqual(drawn.slice(0, 50), drawn.slice(50, 100));
  assert.deepEqual(
    [...whole.labels!],
    drawn.map((index) => source.labels![index]),
  );
});

void test("the same options give the same stream, another seed another", async () => {
  assert.deepEqual(await collect(foggy), await collect(foggy));
  assert.notDeepEqual(await collect(foggy), await collect({ ...foggy, seed: 4 }));
});

for (const options of [clean, foggy]) {
  void test(`can be read from anywhere (${options.drift?.corruption ?? "clean"})`, async () => {
    const whole = await collect(options);
    for (const from of [0, 1, 16, 39, 40, 47, 80, 119]) {
      const rest = await imageStream(options)(from, 120);
      assert.deepEqual(rest.images, whole.images.slice(from * 144));
      assert.deepEqual(rest.labels, whole.labels!.slice(from));
    }
    assert.deepEqual(await collect(options, 7), whole);
  });
}

void test("corruption of an image depends on its position in the stream", async () => {
  const noisy: ImageStreamOptions = { ...clean, drift: { corruption: "impulse_noise", severity: 3 } };
  const before = await imageStream(clean)(96, 112);
  const expected = await corrupt(before, "impulse_noise", 3, clean.seed, { firstIndex: 96 });
  assert.deepEqual(await imageStream(noisy)(96, 112), expected);
});

void test("frost takes the photographs that a stream is given", async () => {
  const frosted: ImageStreamOptions = { ...clean, drift: { corruption: "frost", severity: 5 } };
  const white = { images: new Float32Array(80 * 80 * 3).fill(1), count: 1, height: 80, width: 80, channels: 3 };
  const expected = await corrupt(await imageStream(clean)(0, 8), "frost", 5, clean.seed, { frostPictures: [white] });
  assert.deepEqual(await imageStream({ ...frosted, frostPictures: [white] })(0, 8), expected);
  assert.notDeepEqual(await imageStream(frosted)(0, 8), expected);
});

void test("a source without images and an aborted signal are refused", async () => {
  const empty = { ...source, count: 0, images: new Float32Array(0), labels: new Int32Array(0) };
  await assert.rejects(imageStream({ ...clean, source: empty })(0, 1), coded("invalid-argument"));
  await assert.rejects(imageStream({ ...clean, signal: AbortSignal.abort() })(0, 1), coded("cancelled"));
});
