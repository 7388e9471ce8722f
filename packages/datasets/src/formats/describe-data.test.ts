import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import sharp from "sharp";
import { encodeIdxImages, encodeIdxLabels } from "../testing/idx-files.ts";
import { syntheticImages } from "../testing/synthetic-images.ts";
import { type DescribedClass, describeData } from "./describe-data.ts";
import { encodeNpyImages } from "./npy-images.ts";

let root: string;
before(async () => {
  root = await mkdtemp(join(tmpdir(), "mpo-describe-"));
});
after(async () => {
  await rm(root, { recursive: true, force: true });
});

async function folderOf(name: string, files: Readonly<Record<string, Uint8Array | string>>): Promise<string> {
  const folder = join(root, name);
  for (const [path, content] of Object.entries(files)) {
    await mkdir(join(folder, path, ".."), { recursive: true });
    await writeFile(join(folder, path), content);
  }
  return folder;
}

const png = async (width: number, height: number, channels: 3 | 4 = 3): Promise<Uint8Array> =>
  await sharp({ create: { width, height, channels, background: "#f00" } })
    .png()
    .toBuffer();
const facts = ({ samples, ...rest }: DescribedClass): unknown => ({ ...rest, samples: samples.length });

void test("a folder of pictures: parts, classes, sizes, what cannot be read and what is passed over", async () => {
  const folder = await folderOf("pictures", {
    "train/a/1.png": await png(4, 2),
    "train/a/2.png": await png(4, 2),
    "train/a/3.png": await png(5, 2, 4),
    "train/a/4.jpg": "no picture",
    "train/a/notes.txt": "x",
    "val/b/1.png": await png(3, 3),
    "val/cover.png": await png(3, 3),
  });
  const { dataset, classes, passedOver } = await describeData(folder, { samples: 2 });
  assert.equal(dataset, "folder");
  const unreadable = [join(folder, "train", "a", "4.jpg")];
  const sizes = [
    ["2x4x3", 2],
    ["2x5x4", 1],
  ];
  assert.deepEqual(classes.map(facts), [
    { part: "train", name: "a", images: 4, sizes, unreadable, samples: 2 },
    { part: "val", name: "b", images: 1, sizes: [["3x3x3", 1]], unreadable: [], samples: 1 },
  ]);
  assert.deepEqual([...passedOver].sort(), [
    [".txt", 1],
    ["picture outside of a class's folder", 1],
  ]);
  const { data, info } = await sharp(classes[0]!.samples[0]).raw().toBuffer({ resolveWithObject: true });
  assert.deepEqual([info.width, info.height, info.channels, ...data.subarray(0, 3)], [64, 64, 3, 255, 0, 0]);
});

void test("files of a data set are known by their names; a part that is missing is noted", async () => {
  const set = syntheticImages({ count: 7, height: 4, width: 5, channels: 1, seed: 1 });
  const folder = await folderOf("idx", {
    "t10k-images.idx3-ubyte": encodeIdxImages(set),
    "t10k-labels.idx1-ubyte": encodeIdxLabels(set.labels!),
  });
  const lines: string[] = [];
  const found = await describeData(folder, { samples: 3, note: (line) => lines.push(line) });
  assert.equal(found.dataset, "idx");
  const row = { part: "test", sizes: [["4x5x1", 1]], unreadable: [], images: 1, samples: 1 };
  assert.deepEqual(found.classes.map(facts), [
    { ...row, name: "0", images: 2, sizes: [["4x5x1", 2]], samples: 2 },
    ...["1", "2", "3", "4", "5"].map((name) => ({ ...row, name })),
  ]);
  assert.match(lines.join(), /^no train part: .*train-images-idx3-ubyte/);
  const pixels = await sharp(found.classes[1]!.samples[0]).extractChannel(0).raw().toBuffer();
  assert.deepEqual(
    [...pixels],
    [...set.images.subarray(20, 40)].map((value) => Math.round(value * 255)),
  );

  const broken = await folderOf("npy", { "images.npy": encodeNpyImages(set) });
  await assert.rejects(describeData(broken, { samples: 0 }), { code: "not-found", message: /found images$/ });
  await assert.rejects(describeData(join(root, "gone"), { samples: 0 }), { code: "not-found" });
});
