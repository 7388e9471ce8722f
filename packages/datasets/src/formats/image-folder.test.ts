import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { MpoError } from "@mpo/core";
import sharp, { type Sharp } from "sharp";
import { loadImageFolder, loadPictures } from "./image-folder.ts";
import type { Fit } from "./resizing.ts";

let root: string;
before(async () => {
  root = await mkdtemp(join(tmpdir(), "mpo-folder-"));
});
after(async () => {
  await rm(root, { recursive: true, force: true });
});

const solid = (width: number, height: number, r: number, g: number, b: number, alpha?: number): Sharp =>
  sharp({
    create: { width, height, channels: alpha === undefined ? 3 : 4, background: { r, g, b, alpha: alpha ?? 1 } },
  });

async function folderOf(name: string, files: Readonly<Record<string, Uint8Array | string>>): Promise<string> {
  const folder = join(root, name);
  await mkdir(folder);
  for (const [path, content] of Object.entries(files)) {
    await mkdir(join(folder, path, ".."), { recursive: true });
    await writeFile(join(folder, path), content);
  }
  return folder;
}

function near(found: ArrayLike<number>, expected: readonly number[], tolerance: number): void {
  assert.equal(found.length, expected.length);
  for (const [i, value] of expected.entries()) {
    assert.ok(Math.abs(found[i]! - value) <= tolerance, `value ${i}: expected ${value}, found ${found[i]}`);
  }
}

void test("PNG and JPEG by class, in sorted order, stretched to one size", async () => {
  const folder = await folderOf("mixed", {
    "zebra/b.png": await solid(5, 9, 0, 0, 255).png().toBuffer(),
    "zebra/a.JPG": await solid(7, 3, 255, 0, 0).jpeg({ quality: 100 }).toBuffer(),
    "ant/grey.png": await solid(4, 4, 51, 51, 51).toColourspace("b-w").png().toBuffer(),
    "ant/notes.txt": "not an image",
    ".hidden/c.png": await solid(2, 2, 0, 0, 0).png().toBuffer(),
  });
  const set = await loadImageFolder(folder, { height: 2, width: 1, channels: 3 });
  assert.deepEqual(set.classNames, ["ant", "zebra"]);
  assert.deepEqual([...set.labels!], [0, 1, 1]);
  near(set.images, [0.2, 0.2, 0.2, 0.2, 0.2, 0.2, 1, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 1], 0.02);
});

void test("pictures of another form are stretched, cut to the middle, or set on black, and one may be read alone", async () => {
  // Four columns: black, white, white, black; twice as wide as high.
  const raw = { width: 64, height: 32, channels: 1 as const };
  const row = [0, 255, 255, 0].flatMap((value) => Array.from({ length: 16 }, () => value));
  const folder = await folderOf("fits", {
    "a/1.png": await sharp(Uint8Array.from(Array.from({ length: 32 }, () => row).flat()), { raw })
      .png()
      .toBuffer(),
  });
  const read = async (fit: Fit | undefined, channels: 1 | 3 = 1): Promise<Float32Array> =>
    (await loadPictures(join(folder, "a", "1.png"), { height: 4, width: 4, channels, fit })).images;
  const line = [0, 1, 1, 0];
  near(await read(undefined), [...line, ...line, ...line, ...line], 0.15);
  assert.deepEqual(await read("stretch"), await read(undefined));
  const middle = await read("crop");
  assert.ok(
    middle.every((value) => value > 0.9),
    "of the middle alone",
  );
  const none = [0, 0, 0, 0];
  near(await read("letterbox"), [...none, ...line, ...line, ...none], 0.15);
  near(
    await read("letterbox", 3),
    [...none, ...line, ...line, ...none].flatMap((value) => [value, value, value]),
    0.15,
  );
});

void test("one channel is brightness; transparency is black", async () => {
  const folder = await folderOf("grey", {
    "a/1.png": await solid(3, 3, 255, 255, 255).png().toBuffer(),
    "a/2.png": await solid(3, 3, 255, 255, 255, 0).png().toBuffer(),
  });
  const set = await loadImageFolder(folder, { height: 1, width: 1, channels: 1 });
  near(set.images, [1, 0], 0.01);
});

void test("a 16-bit PNG is scaled to 0..1", async () => {
  const raw = { width: 2, height: 1, channels: 1 as const };
  const png = await sharp(Uint16Array.from([65535, 0]), { raw })
    .toColourspace("grey16")
    .png()
    .toBuffer();
  const set = await loadImageFolder(await folderOf("deep", { "a/1.png": png }), { height: 1, width: 2, channels: 1 });
  near(set.images, [1, 0], 0.01);
});

void test("files that cannot be decoded are named", async () => {
  const png = await sharp({
    create: {
      width: 64,
      height: 64,
      channels: 3,
      background: "#123",
      noise: { type: "gaussian", mean: 100, sigma: 50 },
    },
  })
    .png()
    .toBuffer();
  for (const [name, content] of Object.entries({
    text: Buffer.from("no image"),
    empty: Buffer.alloc(0),
    cut: png.subarray(0, png.length / 2),
  })) {
    const folder = await folderOf(`bad-${name}`, { "a/1.png": png, "a/2.png": content });
    await assert.rejects(loadImageFolder(folder, { height: 8, width: 8, channels: 3 }), (error) => {
      assert.ok(error instanceof MpoError);
      assert.equal(error.code, "invalid-data");
      assert.ok(error.message.startsWith(join(folder, "a/2.png")), error.message);
      assert.equal(error.message.endsWith("found an empty file"), name === "empty");
      return true;
    });
  }
});

void test("folders below a class and links are followed; what is no picture is passed over and counted", async () => {
  const png = await solid(2, 2, 9, 9, 9).png().toBuffer();
  const folder = await folderOf("deep-and-linked", {
    "b/site1/1.png": png,
    "b/site2/night/2.PNG": png,
    "b/._2.png": "x",
    "b/.DS_Store": "x",
    "b/notes.txt": "x",
    "b/LICENSE": "x",
    "__MACOSX/b/._1.png": "x",
    ".cache/x.png": "x",
    "Thumbs.db": "x",
    "cover.png": png,
  });
  const target = await folderOf("linked", { "1.png": png });
  await symlink(target, join(folder, "a"));
  await symlink(join(target, "1.png"), join(folder, "b", "linked.png"));
  await symlink(folder, join(folder, "b", "round"));
  await symlink(join(folder, "b"), join(folder, "b", "site1", "up"));
  await symlink(join(folder, "gone"), join(folder, "b", "gone.png"));
  const lines: string[] = [];
  const options = { height: 1, width: 1, channels: 1, note: (line: string) => lines.push(line) } as const;
  const set = await loadImageFolder(folder, options);
  assert.deepEqual(set.classNames, ["a", "b"]);
  assert.deepEqual([...set.labels!], [0, 1, 1, 1]);
  assert.match(lines.join(), /: 2 classes: a 1, b 3; 11 files passed over \(/);
  for (const kind of [
    ...["2 link to a folder above", "1 broken link", "1 without an extension", "1 .txt", "1 ._*", "1 .DS_Store"],
    ...["1 .cache", "1 __MACOSX", "1 Thumbs.db", "1 picture outside of a class's folder"],
  ]) {
    assert.ok(lines.join().includes(kind), `${kind} in ${lines.join()}`);
  }
});

void test("pictures without classes are read at any depth", async () => {
  const png = await solid(2, 2, 255, 255, 255).png().toBuffer();
  const folder = await folderOf("loose", { "1.png": png, "a/2.png": png, "b/c/3.png": png, "empty/x.txt": "x" });
  const lines: string[] = [];
  const note = (line: string): number => lines.push(line);
  const set = await loadPictures(folder, { height: 1, width: 1, channels: 1, note });
  assert.deepEqual([set.count, set.labels, set.classNames], [3, undefined, undefined]);
  near(set.images, [1, 1, 1], 0.01);
  const brought = "pictures are brought to 1x1: stretch, lanczos3 (--input-fit, --input-filter)";
  assert.deepEqual(lines, [`${folder}: 3 pictures; 1 file passed over (1 .txt)`, brought]);
  const size = { height: 1, width: 1, channels: 1 } as const;
  await assert.rejects(loadPictures(join(folder, "empty"), size), /found none/);
  await assert.rejects(loadPictures(join(folder, "empty/x.txt"), size), /x\.txt: expected a folder or a file of PNG/);
  const named = await folderOf("named.png", { "1.png": png });
  assert.equal((await loadPictures(named, size)).count, 1);
});

void test("kinds of pictures other than PNG and JPEG are read, at any size of the model", async () => {
  const red = solid(6, 4, 255, 0, 0);
  const folder = await folderOf("kinds", {
    "a/1.webp": await red.clone().webp({ lossless: true }).toBuffer(),
    "a/2.gif": await red.clone().gif().toBuffer(),
    "a/3.tiff": await red.clone().tiff().toBuffer(),
    "a/4.tif": await red.clone().tiff().toBuffer(),
    "a/5.avif": await red.clone().avif({ lossless: true }).toBuffer(),
    "a/6.jfif": await red.clone().jpeg({ quality: 100 }).toBuffer(),
    "a/7.bmp": Buffer.from(
      `424d3a0000000000000036000000${"28000000010000000100000001001800"}${"00".repeat(24)}0000ff00`,
      "hex",
    ),
    "a/8.bmp": await red.clone().png().toBuffer(),
  });
  const set = await loadImageFolder(folder, { height: 1, width: 2, channels: 3 });
  assert.deepEqual([set.count, set.height, set.width, set.channels], [8, 1, 2, 3]);
  near(set.images, new Array<number[]>(16).fill([1, 0, 0]).flat(), 0.02);
});

void test("a class without pictures is refused with what was found", async () => {
  const png = await solid(2, 2, 9, 9, 9).png().toBuffer();
  const folder = await folderOf("empty", { "a/1.png": png, "b/1.heic": "x", "b/2.heic": "x" });
  await assert.rejects(loadImageFolder(folder, { height: 1, width: 1, channels: 1 }), (error) => {
    assert.ok(error instanceof MpoError && error.code === "invalid-data");
    assert.match(error.message, /no pictures of b: 2 classes: a 1, b 0; 2 files passed over \(2 \.heic\)$/);
    return true;
  });
});

void test("train and test (or val) are used as they stand; else a fifth is kept for testing", async () => {
  const png = await solid(2, 2, 9, 9, 9).png().toBuffer();
  const classes = (path: string, count: number): Record<string, Uint8Array> =>
    Object.fromEntries(
      ["a", "b"].flatMap((c) => Array.from({ length: count }, (_, i) => [`${path}${c}/${i}.png`, png])),
    );
  const shape = { height: 2, width: 2, channels: 1 } as const;
  const counts = async (name: string, files: Record<string, Uint8Array>): Promise<unknown[]> => {
    const folder = await folderOf(name, files);
    const lines: string[] = [];
    const note = (line: string): number => lines.push(line);
    const found: unknown[] = [];
    for (const part of ["train", "test"] as const) {
      const set = await loadImageFolder(folder, { ...shape, part, note });
      assert.deepEqual(set.classNames, ["a", "b"]);
      found.push(set.count);
    }
    return [...found, lines.at(-1)!.replace(`${folder}`, "")];
  };
  const val = { ...classes("train/", 3), ...classes("val/", 2) };
  assert.deepEqual(await counts("val", val), [6, 4, "/val: 2 classes: a 2, b 2"]);
  const all = { ...val, ...classes("Test/", 1) };
  assert.deepEqual(await counts("all", all), [6, 2, "/Test: 2 classes: a 1, b 1; val not used"]);
  const split = "2 classes: a 10, b 10; a fifth is kept for testing: 4 to test";
  assert.deepEqual(await counts("split", classes("", 10)), [16, 4, `: ${split}`]);
  assert.deepEqual(await counts("train-alone", classes("train/", 10)), [16, 4, `/train: ${split}`]);
  const folder = await folderOf("test-alone", classes("test/", 2));
  assert.equal((await loadImageFolder(folder, { ...shape, part: "test" })).count, 4);
  await assert.rejects(loadImageFolder(folder, { ...shape, part: "train" }), /no folder to train on, only test/);
});

void test("a folder without images, a missing one, a bad size and an aborted signal", async () => {
  const options = { height: 8, width: 8, channels: 1 } as const;
  const png = await solid(2, 2, 0, 0, 0).png().toBuffer();
  const folder = await folderOf("one", { "a/1.png": png });
  const noImages = await folderOf("no-images", { "a/x.txt": "" });
  const cases = [
    ["not-found", noImages, options],
    ["not-found", join(root, "missing"), options],
    ["invalid-argument", folder, { ...options, height: 0 }],
    ["invalid-argument", folder, { ...options, channels: 4 }],
    ["invalid-argument", folder, { ...options, height: 100_000, width: 100_000 }],
    ["cancelled", folder, { ...options, signal: AbortSignal.abort() }],
  ] as const;
  for (const [code, path, wrong] of cases) {
    await assert.rejects(loadImageFolder(path, wrong), (error) => error instanceof MpoError && error.code === code);
  }
});
