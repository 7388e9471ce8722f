import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { MpoError } from "@mpo/core";
import fc from "fast-check";
import { concatImages, type ImageSet, imageAt } from "../images/image-set.ts";
import { syntheticImages } from "../testing/synthetic-images.ts";
import { CIFAR10_CLASSES, loadCifar } from "./cifar.ts";

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "mpo-cifar-"));
});
after(async () => {
  await rm(folder, { recursive: true, force: true });
});

function batch(count: number, seed: number): ImageSet {
  const set = syntheticImages({ count, height: 32, width: 32, channels: 3, seed });
  const images = set.images.map((value) => Math.round(value * 255) / 255);
  return { ...set, images, classNames: CIFAR10_CLASSES };
}

/** The batch file of images with labels, rounded to bytes. */
function encodeCifar10(set: ImageSet): Uint8Array {
  const bytes = new Uint8Array(set.count * 3073);
  for (let i = 0; i < set.count; i++) {
    const image = imageAt(set, i);
    bytes[i * 3073] = set.labels![i]!;
    for (let p = 0; p < 3072; p++) {
      bytes[i * 3073 + 1 + p] = Math.round(image[(p % 1024) * 3 + Math.floor(p / 1024)]! * 255);
    }
  }
  return bytes;
}

async function decoded(bytes: Uint8Array): Promise<ImageSet> {
  await writeFile(join(folder, "test_batch.bin"), bytes);
  return await loadCifar("cifar10", folder, "test");
}

void test("records hold the label, then red, green and blue planes", async () => {
  const bytes = new Uint8Array(3073);
  bytes[0] = 7;
  bytes[1 + 1] = 255;
  bytes[1 + 1024 + 32] = 51;
  bytes[1 + 2048 + 1023] = 102;
  const set = await decoded(bytes);
  assert.deepEqual([...set.labels!], [7]);
  assert.equal(set.images[1 * 3], 1);
  assert.equal(set.images[32 * 3 + 1], Math.fround(0.2));
  assert.equal(set.images[1023 * 3 + 2], Math.fround(0.4));
  assert.equal(set.images.filter((value) => value > 0).length, 3);
});

void test("batches survive a round trip", async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 4 }), fc.nat(), async (count, seed) => {
      const set = batch(count, seed);
      assert.deepEqual(await decoded(encodeCifar10(set)), set);
    }),
    { numRuns: 20 },
  );
});

void test("loads a folder of five training batches and a test batch, with its own class names", async () => {
  const batches = [1, 2, 3, 4, 5, 6].map((seed) => batch(seed, seed));
  const names = ["data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5", "test_batch"];
  for (const [i, name] of names.entries()) await writeFile(join(folder, `${name}.bin`), encodeCifar10(batches[i]!));
  assert.deepEqual(await loadCifar("cifar10", folder, "train"), concatImages(batches.slice(0, 5)));
  for (const name of names.slice(0, 5)) await rm(join(folder, `${name}.bin`));
  assert.deepEqual(await loadCifar("cifar10", folder, "test"), batches[5]);

  await writeFile(join(folder, "batches.meta.txt"), "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\n\n");
  assert.deepEqual((await loadCifar("cifar10", folder, "test")).classNames, [..."abcdefghij"]);
  await writeFile(join(folder, "batches.meta.txt"), "a\nb\n");
  await assert.rejects(loadCifar("cifar10", folder, "test"), (e) => e instanceof MpoError && e.code === "invalid-data");
  await rm(join(folder, "batches.meta.txt"));
});

void test("CIFAR-100 has a coarse label before the one that counts, and names of its own", async () => {
  const bytes = Uint8Array.of(19, 99, ...new Uint8Array(3072).fill(51));
  await writeFile(join(folder, "test.bin"), bytes);
  const set = await loadCifar("cifar100", folder, "test");
  assert.deepEqual([set.count, set.labels![0], set.classNames, set.images[3071]], [1, 99, undefined, Math.fround(0.2)]);
  await assert.rejects(loadCifar("cifar100", folder, "train"), { code: "not-found", message: /train\.bin/ });
  const names = Array.from({ length: 100 }, (_, label) => `class ${label}`);
  await writeFile(join(folder, "fine_label_names.txt"), names.join("\n"));
  assert.deepEqual((await loadCifar("cifar100", folder, "test")).classNames, names);
  await writeFile(join(folder, "test.bin"), bytes.with(1, 100));
  await assert.rejects(loadCifar("cifar100", folder, "test"), /at byte 1: expected a label in 0\.\.99, found 100/);
});

const good = encodeCifar10(batch(2, 1));

for (const [name, bytes, message] of [
  ["empty", new Uint8Array(0), /at byte 0: expected records of 3073 bytes.*found 0 bytes after 0 whole/],
  ["truncated", good.slice(0, -1), /at byte 3073: .*found 3072 bytes after 1 whole records/],
  ["too long", Uint8Array.from([...good, 0]), /at byte 6146: .*found 1 bytes after 2 whole records/],
  ["label 10", good.with(3073, 10), /at byte 3073: expected a label in 0\.\.9, found 10/],
] as const) {
  void test(`malformed is refused: ${name}`, async () => {
    const refused = (error: unknown): boolean => {
      assert.ok(error instanceof MpoError);
      assert.equal(error.code, "invalid-data");
      assert.match(error.message, message);
      return true;
    };
    await assert.rejects(decoded(bytes), refused);
  });
}
