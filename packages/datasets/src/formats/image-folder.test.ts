import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { MpoError } from "@mpo/core";
import sharp, { type Sharp } from "sharp";
import { loadImageFolder } from "./image-folder.ts";

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
      return true;
    });
  }
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
    ["invalid-argument", folder, { ...options, height: 100_000, width: 100_000 }],
    ["cancelled", folder, { ...options, signal: AbortSignal.abort() }],
  ] as const;
  for (const [code, path, wrong] of cases) {
    await assert.rejects(loadImageFolder(path, wrong), (error) => error instanceof MpoError && error.code === code);
  }
});
