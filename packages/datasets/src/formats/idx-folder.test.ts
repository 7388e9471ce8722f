import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { gzipSync } from "node:zlib";
import { encodeIdxImages, encodeIdxLabels } from "../testing/idx-files.ts";
import { syntheticImages } from "../testing/synthetic-images.ts";
import { loadIdxFolder } from "./idx-folder.ts";

let root: string;
before(async () => {
  root = await mkdtemp(join(tmpdir(), "mpo-idx-"));
});
after(async () => {
  await rm(root, { recursive: true, force: true });
});

const IMAGES = encodeIdxImages(syntheticImages({ count: 2, height: 4, width: 4, channels: 1, seed: 1 }));

async function folderOf(name: string, files: Readonly<Record<string, Uint8Array>>): Promise<string> {
  const folder = join(root, name);
  await mkdir(folder);
  for (const [file, content] of Object.entries(files)) await writeFile(join(folder, file), content);
  return folder;
}

void test("both spellings, with a name in front and packed, and any number of classes", async () => {
  for (const [index, [images, labels]] of [
    ["t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"],
    ["t10k-images.idx3-ubyte", "t10k-labels.idx1-ubyte"],
    ["emnist-balanced-test-images-idx3-ubyte", "emnist-balanced-test-labels-idx1-ubyte"],
  ].entries()) {
    const bytes = encodeIdxLabels([46, 3]);
    const gz = gzipSync(bytes);
    // The packed labels lie beside the plain ones, which are taken.
    const files = { [images!]: IMAGES, [labels!]: bytes, [`${labels}.gz`]: gz, "._t10k-labels-idx1-ubyte": gz };
    const folder = await folderOf(`spelling-${index}`, files);
    const lines: string[] = [];
    const set = await loadIdxFolder(folder, "test", { note: (line) => lines.push(line) });
    assert.deepEqual([set.count, set.channels, [...set.labels!], set.classNames], [2, 1, [46, 3], undefined]);
    assert.match(lines.join(), /: 47 classes: 0 0, 1 0, 2 0, 3 1, .* and 27 others$/);
    await assert.rejects(loadIdxFolder(folder, "train"), {
      code: "not-found",
      message: /train-images-idx3-ubyte\[\.gz\]: no such file/,
    });
  }
});

void test("more than one set is refused", async () => {
  const folder = await folderOf("two", {
    "emnist-letters-train-images-idx3-ubyte": IMAGES,
    "emnist-digits-train-images-idx3-ubyte": IMAGES,
  });
  const message = /which of emnist-digits-train.*, emnist-letters-train/;
  await assert.rejects(loadIdxFolder(folder, "train"), { code: "invalid-argument", message });
});
