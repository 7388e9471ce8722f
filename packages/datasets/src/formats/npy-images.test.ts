import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { gzipSync } from "node:zlib";
import { MpoError } from "@mpo/core";
import { concatImages, takeImages } from "../images/image-set.ts";
import { partIndices } from "../images/part.ts";
import { syntheticImages } from "../testing/synthetic-images.ts";
import { encodeNpy, type NpyArray } from "./npy.ts";
import { encodeNpyImages, loadNpyFolder, readNpy, readNpyImages, readNpyLabels } from "./npy-images.ts";

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

const coded =
  (code: string, message: RegExp) =>
  (error: unknown): boolean => {
    assert.ok(error instanceof MpoError);
    assert.equal(error.code, code);
    assert.match(error.message, message);
    return true;
  };

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

void test("a folder of images.npy and labels.npy is one set, when they are as many", async () => {
  const { classNames: _, ...set } = syntheticImages({ count: 3, height: 4, width: 5, channels: 1, seed: 2 });
  await write("images.npy", encodeNpyImages(set));
  await write("labels.npy", { type: "i4", shape: [3], data: Int32Array.of(2, 0, 1) });
  const read = concatImages([await loadNpyFolder(folder, "test"), await loadNpyFolder(folder, "train")]);
  assert.deepEqual([read.count, read.height, read.width, read.channels], [3, 4, 5, 1]);
  const order = partIndices(3, "test").concat(partIndices(3, "train"));
  assert.deepEqual(order.toSorted(), [0, 1, 2]);
  assert.deepEqual(read, takeImages({ ...set, labels: Int32Array.of(2, 0, 1) }, order));
  await write("labels.npy", { type: "i4", shape: [2], data: Int32Array.of(2, 0) });
  await assert.rejects(
    loadNpyFolder(folder, "test"),
    coded("invalid-data", /labels\.npy: .*expected 3 labels.*found 2/),
  );
});
