import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { MpoError } from "@mpo/core";
import { zipSync } from "fflate";
import { concatImages, type ImageSet, takeImages } from "../images/image-set.ts";
import { partIndices } from "../images/part.ts";
import { coded } from "../test-support/coded.ts";
import { syntheticImages } from "../testing/synthetic-images.ts";
import { loadArrays } from "./array-set.ts";
import { encodeNpy } from "./npy.ts";
import { encodeNpyImages } from "./npy-images.ts";

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "mpo-arrays-"));
});
after(async () => {
  await rm(folder, { recursive: true, force: true });
});

const setOf = (count: number): ImageSet => {
  const { classNames: _, ...set } = syntheticImages({ count, height: 4, width: 5, channels: 1, seed: 2 });
  return set;
};
const labelsFile = (labels: Int32Array): Uint8Array =>
  encodeNpy({ type: "i4", shape: [labels.length, 1], data: labels });

void test("a folder of images.npy and labels.npy is one set, split the same way each time, when they are as many", async () => {
  const set = { ...setOf(3), labels: Int32Array.of(2, 0, 1) };
  await writeFile(join(folder, "images.npy"), encodeNpyImages(set));
  await writeFile(join(folder, "labels.npy"), labelsFile(set.labels));
  const lines: string[] = [];
  const note = (line: string): number => lines.push(line);
  const read = concatImages([await loadArrays(folder, "test", { note }), await loadArrays(folder, "train")]);
  assert.deepEqual([read.count, read.height, read.width, read.channels], [3, 4, 5, 1]);
  const order = partIndices(3, "test").concat(partIndices(3, "train"));
  assert.deepEqual(order.toSorted(), [0, 1, 2]);
  assert.deepEqual(read, takeImages(set, order));
  assert.deepEqual(lines, [`${folder}: 3 classes: 0 1, 1 1, 2 1`]);
  await writeFile(join(folder, "labels.npy"), labelsFile(Int32Array.of(2, 0)));
  await assert.rejects(loadArrays(folder, "test"), coded("invalid-data", /labels\.npy: .*expected 3 labels.*found 2/));
});

void test("an .npz holds parts as Keras and MedMNIST name them, or a whole set", async () => {
  const [train, held] = [setOf(10), setOf(5)];
  const write = async (name: string, sets: Readonly<Record<string, ImageSet>>, level: 0 | 6 = 6): Promise<string> => {
    const files = Object.entries(sets).flatMap(([names, set]) => {
      const [images, labels] = names.split(" ");
      return [
        [`${images}.npy`, encodeNpyImages(set)],
        [`${labels}.npy`, labelsFile(set.labels!)],
      ] as const;
    });
    const path = join(folder, `${name}.npz`);
    await writeFile(path, zipSync(Object.fromEntries(files), { level }));
    return path;
  };
  for (const names of [
    ["x_train y_train", "x_test y_test"],
    ["train_images train_labels", "test_images test_labels"],
  ] as const) {
    const path = await write("parts", { [names[0]]: train, [names[1]]: held }, 0);
    assert.deepEqual(await loadArrays(path, "train"), train);
    assert.deepEqual(await loadArrays(path, "test"), held);
  }
  for (const names of ["images labels", "x y", "X_train y_train"]) {
    const path = await write("whole", { [names]: train });
    // The same as files of a folder.
    const files = join(folder, names);
    await mkdir(files);
    const [images, labels] = names.split(" ");
    await writeFile(join(files, `${images}.npy`), encodeNpyImages(train));
    await writeFile(join(files, `${labels}.npy`), labelsFile(train.labels!));
    assert.deepEqual(await loadArrays(files, "test"), takeImages(train, partIndices(10, "test")));
    assert.deepEqual(await loadArrays(path, "train"), takeImages(train, partIndices(10, "train")));
    assert.deepEqual(await loadArrays(path, "test"), takeImages(train, partIndices(10, "test")));
  }
  const tested = await write("test-alone", { "x_test y_test": held });
  assert.deepEqual(await loadArrays(tested, "test"), held);
  await assert.rejects(loadArrays(tested, "train"), coded("not-found", /x_train and y_train.*found x_test, y_test/));
  const other = await write("other", { "a b": held });
  await assert.rejects(loadArrays(other, "test"), coded("not-found", /or images and labels, found a, b/));
  const broken = join(folder, "broken.npz");
  await writeFile(broken, "no archive");
  await assert.rejects(loadArrays(broken, "test"), coded("invalid-data", /expected an \.npz archive/));
  for (const name of ["images.npy", "labels.npy"]) await rm(join(folder, name));
  await assert.rejects(loadArrays(folder, "test"), coded("invalid-argument", /which of .*other\.npz/));
});

void test("one file with labels beside it, as CIFAR-10-C has them, is a test part", async () => {
  const set = setOf(4);
  await writeFile(join(folder, "fog.npy"), encodeNpyImages(set));
  await writeFile(join(folder, "labels.npy"), labelsFile(set.labels!));
  assert.deepEqual(await loadArrays(join(folder, "fog.npy"), "test"), set);
  await assert.rejects(
    loadArrays(join(folder, "fog.npy"), "train"),
    coded("invalid-argument", /there is none to train on/),
  );
  const message = /expected arrays x_test and y_test, or images and labels, found fog, labels/;
  await assert.rejects(loadArrays(folder, "test"), coded("not-found", message));
  const others = set.labels!.map((label) => label + 1);
  await writeFile(join(folder, "fog.labels.npy"), labelsFile(others));
  assert.deepEqual((await loadArrays(join(folder, "fog.npy"), "test")).labels, others);
});

void test("integers 0 and 1, and what was divided twice, are no images of bytes", async () => {
  const refused = (error: unknown): boolean =>
    error instanceof MpoError && error.code === "invalid-data" && /astype\("float32"\)/.test(error.hint ?? "");
  const set = setOf(4);
  await writeFile(join(folder, "labels.npy"), labelsFile(set.labels!));
  const twice = { ...set, images: set.images.map((value) => value / 255) };
  await writeFile(join(folder, "dark.npy"), encodeNpyImages(twice));
  await assert.rejects(loadArrays(join(folder, "dark.npy"), "test"), refused);
  const data = Uint8Array.from(set.images, Math.round);
  await writeFile(join(folder, "dark.npy"), encodeNpy({ type: "u1", shape: [4, 4, 5], data }));
  await assert.rejects(loadArrays(join(folder, "dark.npy"), "test"), refused);
});
