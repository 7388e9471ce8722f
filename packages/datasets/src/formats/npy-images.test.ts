import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { gzipSync } from "node:zlib";
import { MpoError } from "@mpo/core";
import { coded } from "../test-support/coded.ts";
import { syntheticImages } from "../testing/synthetic-images.ts";
import { encodeNpy, type NpyArray } from "./npy.ts";
import { encodeNpyImages, readNpy, readNpyImages, readNpyLabels } from "./npy-images.ts";

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "mpo-npy-"));
});
after(async () => {
  await rm(folder, { recursive: true, force: true });
});

async function write(name: string, content: Uint8Array | NpyArray): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, content instanceof Uint8Array ? content : encodeNpy(content));
  return path;
}

void test("images written as f4 are read back", async () => {
  const set = syntheticImages({ count: 7, height: 5, width: 6, channels: 3, seed: 3 });
  const path = await write("images.npy", encodeNpyImages(set));
  const read = await readNpyImages(path);
  assert.deepEqual(read.images, set.images);
});

void test("bytes of [N, H, W] become one channel of 0..1", async () => {
  const data = Uint8Array.from([0, 255, 51, 102]);
  const read = await readNpyImages(await write("bytes.npy", { type: "u1", shape: [1, 2, 2], data }));
  assert.deepEqual([read.count, read.height, read.width, read.channels], [1, 2, 2, 1]);
  assert.deepEqual(read.images, Float32Array.from([0, 1, 0.2, 0.4]));
});

void test("gzip arrays are read", async () => {
  const array: NpyArray = { type: "i4", shape: [3], data: Int32Array.from([1, 2, 3]) };
  assert.deepEqual(await readNpy(await write("a.npy.gz", gzipSync(encodeNpy(array)))), array);
});

void test("labels of int64, as NumPy makes them", async () => {
  const path = await write("labels.npy", { type: "i8", shape: [4], data: Float64Array.from([3, 0, 9, 2]) });
  assert.deepEqual(await readNpyLabels(path), Int32Array.from([3, 0, 9, 2]));
});

void test("values that are no image are refused with their place", async () => {
  const bright = await write("bright.npy", { type: "f4", shape: [1, 1, 3], data: Float32Array.from([0, 1.5, 0]) });
  await assert.rejects(
    readNpyImages(bright),
    coded("invalid-data", /at byte 132: expected a value in 0\.\.1, found 1\.5/),
  );
  const negative = await write("negative.npy", { type: "i2", shape: [1, 1, 2], data: Int16Array.from([-1, 0]) });
  await assert.rejects(
    readNpyImages(negative),
    coded("invalid-data", /at byte 128: expected a value in 0\.\.255, found -1/),
  );
  const flat = await write("flat.npy", { type: "u1", shape: [4], data: new Uint8Array(4) });
  await assert.rejects(readNpyImages(flat), coded("invalid-data", /expected a shape of \[N, H, W\]/));
  const empty = await write("empty.npy", { type: "u1", shape: [0, 2, 2], data: new Uint8Array(0) });
  await assert.rejects(readNpyImages(empty), coded("invalid-data", /none of them 0/));
  const cut = await write("cut.npy", encodeNpy({ type: "u1", shape: [2, 2, 2], data: new Uint8Array(8) }).slice(0, -1));
  await assert.rejects(readNpyImages(cut), coded("invalid-data", /found 135 bytes/));
});

void test("labels that are none are refused", async () => {
  const below = await write("below.npy", { type: "i4", shape: [2], data: Int32Array.from([0, -1]) });
  await assert.rejects(readNpyLabels(below), coded("invalid-data", /found -1 for image 1/));
  const real = await write("real.npy", { type: "f4", shape: [1], data: new Float32Array(1) });
  await assert.rejects(readNpyLabels(real), coded("invalid-data", /expected \[N\] integers/));
});

void test("an array in Fortran order gives the same images", async () => {
  const set = syntheticImages({ count: 3, height: 2, width: 2, channels: 1, seed: 3 });
  // Of three 2x2 images, axes turned round: value (n, y, x) lies at n + 3 * y + 6 * x.
  const turned = set.images.map((_, i) => set.images[(i % 3) * 4 + (Math.floor(i / 3) % 2) * 2 + Math.floor(i / 6)]!);
  const bytes = Buffer.from(encodeNpy({ type: "f4", shape: [3, 2, 2], data: turned }));
  bytes.write("True ,", bytes.indexOf("False,"));
  const path = await write("fortran.npy", bytes);
  assert.deepEqual((await readNpyImages(path)).images, set.images);
});

void test("floats that stray a little beyond 0..1 are cut, and 16-bit integers may hold bytes", async () => {
  const data = Float32Array.of(-1e-6, 1 + 1e-7, 0.5);
  const strayed = await write("strayed.npy", { type: "f4", shape: [1, 1, 3], data });
  assert.deepEqual([...(await readNpyImages(strayed)).images], [0, 1, 0.5]);
  const wide = await write("wide.npy", { type: "u2", shape: [1, 1, 2], data: Uint16Array.of(255, 51) });
  assert.deepEqual((await readNpyImages(wide)).images, Float32Array.of(1, 0.2));
});

void test("common other forms are refused with advice that fits", async () => {
  const advised = async (array: NpyArray, advice: RegExp, isLabels = false): Promise<void> => {
    const path = await write("other.npy", array);
    const reading: Promise<unknown> = isLabels ? readNpyLabels(path) : readNpyImages(path);
    await assert.rejects(reading, (error) => error instanceof MpoError && advice.test(error.hint ?? ""));
  };
  const row = (...values: readonly number[]): NpyArray => {
    return { type: "f4", shape: [1, 1, values.length], data: Float32Array.from(values) };
  };
  await advised(row(0, 209.5, 3), /values are 0 to 209\.5: divide by 255/);
  await advised(row(-1, 0, 1), /values are -1 to 1: write \(images \+ 1\) \/ 2/);
  await advised(row(-300, 0, 1), /images are integers 0 to 255 or floats 0 to 1/);
  const deep = { type: "u2", shape: [1, 1, 2], data: Uint16Array.of(0, 4095) } as const;
  await advised(deep, /values are 0 to 4095: divide by the greatest/);
  for (const shape of [
    [1, 3, 8, 8],
    [1, 1, 8, 8],
  ]) {
    const data = new Uint8Array(shape.reduce((product, size) => product * size));
    await advised({ type: "u1", shape, data }, /transpose\(0, 2, 3, 1\)/);
  }
  const oneHot = { type: "f4", shape: [2, 3], data: Float32Array.of(0, 1, 0, 1, 0, 0) } as const;
  await advised(oneHot, /np\.argmax\(labels, axis=1\)/, true);
  const texts = await write("texts.npy", { type: "u1", shape: [2], data: Uint8Array.of(1, 2) });
  await writeFile(texts, (await readFile(texts, "latin1")).replace("|u1", "<U1"), "latin1");
  await assert.rejects(readNpyLabels(texts), (error) => error instanceof MpoError && /numbers/.test(error.hint ?? ""));
  await advised({ type: "i1", shape: [1], data: Int8Array.of(-1) }, /counted from 0/, true);
  await advised({ type: "f4", shape: [2], data: Float32Array.of(0, 1) }, /astype\("int64"\)/, true);
});

void test("labels of [N, 1] are labels", async () => {
  const path = await write("column.npy", { type: "u1", shape: [3, 1], data: Uint8Array.of(2, 0, 1) });
  assert.deepEqual([...(await readNpyLabels(path))], [2, 0, 1]);
});
