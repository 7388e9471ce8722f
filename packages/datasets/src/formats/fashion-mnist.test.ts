import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { gzipSync } from "node:zlib";
import { MpoError } from "@mpo/core";
import { imageLength } from "../images/image-set.ts";
import { encodeIdxImages, encodeIdxLabels } from "../testing/idx-files.ts";
import { syntheticImages } from "../testing/synthetic-images.ts";
import { cacheFolder, FASHION_MNIST_CLASSES, fashionMnistFolder, loadFashionMnist } from "./fashion-mnist.ts";

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "mpo-fashion-"));
});
after(async () => {
  await rm(folder, { recursive: true, force: true });
});

void test("the folder comes from the environment, most special first", () => {
  const home = "/home/me";
  for (const [env, expected] of [
    [{}, "/home/me/.cache/mpoptimizer/fashion-mnist"],
    [{ XDG_CACHE_HOME: "/c" }, "/c/mpoptimizer/fashion-mnist"],
    [{ XDG_CACHE_HOME: "relative" }, "/home/me/.cache/mpoptimizer/fashion-mnist"],
    [{ XDG_CACHE_HOME: "/c", MPO_CACHE: "/m" }, "/m/fashion-mnist"],
    [{ MPO_CACHE: "/m", MPO_FASHION_MNIST: "/f" }, "/f"],
    [{ MPO_CACHE: "", XDG_CACHE_HOME: "", MPO_FASHION_MNIST: "" }, "/home/me/.cache/mpoptimizer/fashion-mnist"],
  ] as const) {
    assert.equal(fashionMnistFolder(env, home), expected);
  }
  assert.equal(cacheFolder({ MPO_CACHE: "/m" }, home), "/m");
});

async function write(part: string, count: number, labels: readonly number[]): Promise<void> {
  const set = syntheticImages({ count, height: 4, width: 4, channels: 1, seed: 1 });
  await writeFile(join(folder, `${part}-images-idx3-ubyte.gz`), gzipSync(encodeIdxImages(set)));
  await writeFile(join(folder, `${part}-labels-idx1-ubyte`), encodeIdxLabels(labels));
}

void test("loads four files, plain or gzip, and checks labels against images", async () => {
  await assert.rejects(loadFashionMnist(folder, "train"), (error) => {
    assert.ok(error instanceof MpoError);
    assert.equal(error.code, "not-found");
    assert.match(error.hint ?? "", /npm run setup/);
    return true;
  });
  await write("train", 3, [0, 9, 5]);
  await write("t10k", 2, [1, 2]);
  const lines: string[] = [];
  const train = await loadFashionMnist(folder, "train", { note: (line) => lines.push(line) });
  const held = await loadFashionMnist(folder, "test");
  assert.deepEqual([train.count, held.count], [3, 2]);
  assert.match(lines.join(), /: 10 classes: T-shirt\/top 1, Trouser 0, .*, Ankle boot 1$/);
  assert.deepEqual([...train.labels!], [0, 9, 5]);
  assert.equal(train.classNames, FASHION_MNIST_CLASSES);

  await write("t10k", 2, [1]);
  await assert.rejects(loadFashionMnist(folder, "test"), /expected 2 labels, as many as images in .*, found 1/);
  await write("t10k", 2, [1, 10]);
  await assert.rejects(loadFashionMnist(folder, "test"), /at byte 9: expected a label in 0\.\.9, found 10/);
});

const real = fashionMnistFolder(process.env, homedir());
const skip =
  existsSync(join(real, "train-images-idx3-ubyte.gz")) || existsSync(join(real, "train-images-idx3-ubyte"))
    ? false
    : `Fashion-MNIST is not in ${real}: run \`npm run setup\``;

void test("the real Fashion-MNIST has its published size, balance and brightness", { skip }, async () => {
  const train = await loadFashionMnist(real, "train");
  const held = await loadFashionMnist(real, "test");
  for (const [set, count, perClass] of [
    [train, 60_000, 6000],
    [held, 10_000, 1000],
  ] as const) {
    assert.deepEqual([set.count, imageLength(set), set.images.length], [count, 784, count * 784]);
    const counts = new Array<number>(10).fill(0);
    for (const label of set.labels!) counts[label]!++;
    assert.deepEqual(counts, new Array<number>(10).fill(perClass));
  }
  let sum = 0;
  for (const value of train.images) sum += value;
  // The mean that everyone normalises Fashion-MNIST with.
  assert.ok(Math.abs(sum / train.images.length - 0.286) < 0.001);
});
