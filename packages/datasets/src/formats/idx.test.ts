import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { gzipSync } from "node:zlib";
import { MpoError } from "@mpo/core";
import fc from "fast-check";
import { encodeIdxImages, encodeIdxLabels } from "../testing/idx-files.ts";
import { syntheticImages } from "../testing/synthetic-images.ts";
import { decodeIdxImages, decodeIdxLabels, readIdxImages, readIdxLabels } from "./idx.ts";

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "mpo-idx-"));
});
after(async () => {
  await rm(folder, { recursive: true, force: true });
});

const set = syntheticImages({ count: 6, height: 9, width: 7, channels: 1, seed: 4 });
const bytes = encodeIdxImages(set);

void test("images survive a round trip through bytes", () => {
  const size = fc.integer({ min: 1, max: 9 });
  fc.assert(
    fc.property(
      size,
      size,
      size,
      fc.infiniteStream(fc.integer({ min: 0, max: 255 })),
      (count, height, width, stream) => {
        const pixels = Uint8Array.from(stream.take(count * height * width));
        const images = Float32Array.from(pixels, (pixel) => pixel / 255);
        const decoded = decodeIdxImages(encodeIdxImages({ images, count, height, width, channels: 1 }), "f");
        assert.deepEqual(decoded, { images, count, height, width, channels: 1 });
      },
    ),
  );
});

void test("labels survive a round trip", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1 }), (labels) => {
      assert.deepEqual(decodeIdxLabels(encodeIdxLabels(labels), "f"), Int32Array.from(labels));
    }),
  );
});

void test("reads files, plain and gzip", async () => {
  const plain = join(folder, "images");
  await writeFile(plain, bytes);
  await writeFile(`${plain}.gz`, gzipSync(bytes));
  await writeFile(join(folder, "labels.gz"), gzipSync(encodeIdxLabels([3, 1, 2])));
  const expected = decodeIdxImages(bytes, plain);
  assert.deepEqual(await readIdxImages(plain), expected);
  assert.deepEqual(await readIdxImages(`${plain}.gz`), expected);
  assert.deepEqual(await readIdxLabels(join(folder, "labels.gz")), Int32Array.from([3, 1, 2]));
});

function patched(offset: number, ...values: readonly number[]): Uint8Array {
  const copy = bytes.slice();
  copy.set(values, offset);
  return copy;
}

const malformed: readonly (readonly [string, Uint8Array, RegExp])[] = [
  ["empty", new Uint8Array(0), /at byte 0: expected an IDX header of 16 bytes, found the end of the file/],
  ["cut in the header", bytes.slice(0, 9), /at byte 9: expected an IDX header/],
  ["wrong magic", patched(0, 1), /at byte 0: expected the IDX magic number 0x00000803.*found 0x01000803/],
  ["labels for images", encodeIdxLabels(new Uint8Array(32)), /found 0x00000801/],
  ["float elements", patched(2, 0x0d), /found 0x00000d03/],
  ["truncated", bytes.slice(0, -1), /expected a file of 394 bytes, as its header says, found 393 bytes/],
  ["too long", Uint8Array.from([...bytes, 0]), /at byte 394: expected a file of 394 bytes.*found 395 bytes/],
  ["no images", patched(4, 0, 0, 0, 0), /at byte 4: expected a size of at least 1, found 0/],
  ["no width", patched(12, 0, 0, 0, 0), /at byte 12: expected a size of at least 1/],
  ["absurd sizes", patched(4, ...new Uint8Array(12).fill(255)), /expected a file of \d/],
];

for (const [name, content, message] of malformed) {
  void test(`malformed is refused: ${name}`, async () => {
    const path = join(folder, `bad-${name}`);
    const refused = (error: unknown): boolean => {
      assert.ok(error instanceof MpoError);
      assert.equal(error.code, "invalid-data");
      assert.ok(error.message.startsWith(`${path}: `), error.message);
      assert.match(error.message, message);
      return true;
    };
    assert.throws(() => decodeIdxImages(content, path), refused);
    await writeFile(path, content);
    await assert.rejects(readIdxImages(path), refused);
  });
}

void test("malformed gzip is refused before anything large is made", async () => {
  const path = join(folder, "bad.gz");
  const packed = gzipSync(bytes);
  const lying = gzipSync(patched(4, 0x7f, 0xff, 0xff, 0xff));
  const damaged = packed.slice();
  damaged[packed.length - 6]! ^= 0xff;
  for (const content of [
    packed.subarray(0, -9),
    packed.subarray(0, 12),
    damaged,
    lying,
    gzipSync(bytes.slice(0, -1)),
  ]) {
    await writeFile(path, content);
    await assert.rejects(readIdxImages(path), (error) => error instanceof MpoError && error.code === "invalid-data");
  }
});

void test("a gzip bomb stops at the size its header promises", async () => {
  const path = join(folder, "bomb.gz");
  await writeFile(path, gzipSync(Buffer.concat([bytes, Buffer.alloc(20_000_000)])));
  await assert.rejects(readIdxImages(path), (error) => error instanceof MpoError && error.code === "invalid-data");
});

void test("any damage gives images or invalid-data, nothing else", () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat({ max: bytes.length - 1 }), fc.nat({ max: 255 })), { maxLength: 6 }),
      fc.nat({ max: bytes.length }),
      (edits, length) => {
        const copy = bytes.slice();
        for (const [offset, value] of edits) copy[offset] = value;
        try {
          decodeIdxImages(copy.subarray(0, length), "f");
        } catch (error) {
          assert.ok(error instanceof MpoError && error.code === "invalid-data", String(error));
        }
      },
    ),
    { numRuns: 300 },
  );
});

void test("a missing file, a folder and an aborted signal have their own codes", async () => {
  await assert.rejects(readIdxImages(join(folder, "none")), (e) => e instanceof MpoError && e.code === "not-found");
  await assert.rejects(readIdxImages(folder), (e) => e instanceof MpoError && e.code === "not-found");
  const signal = AbortSignal.abort();
  await assert.rejects(
    readIdxImages(join(folder, "none"), { signal }),
    (e) => e instanceof MpoError && e.code === "cancelled",
  );
});

void test("what IDX cannot hold is refused", () => {
  for (const wrong of [
    () => encodeIdxImages(syntheticImages({ count: 1, height: 2, width: 2, channels: 3, seed: 1 })),
    () => encodeIdxLabels([]),
    () => encodeIdxLabels([256]),
    () => encodeIdxLabels([-1]),
  ]) {
    assert.throws(wrong, (error) => error instanceof MpoError && error.code === "invalid-argument");
  }
});
