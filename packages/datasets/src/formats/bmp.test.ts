import assert from "node:assert/strict";
import { test } from "node:test";
import { MpoError } from "@mpo/core";
import fc from "fast-check";
import { decodeBmp } from "./bmp.ts";

interface Bitmap {
  readonly width: number;
  /** Below 0: the first row is the upper one. */
  readonly height: number;
  readonly bits: number;
  readonly compression?: number;
  /** After the header of 40 bytes: masks or colours. */
  readonly between?: readonly number[];
  readonly data: readonly number[];
}

/** As Windows lays a bitmap out. */
function bitmap({ width, height, bits, compression = 0, between = [], data }: Bitmap): Buffer {
  const head = Buffer.alloc(54);
  head.write("BM");
  head.writeUInt32LE(54 + between.length + data.length, 2);
  head.writeUInt32LE(54 + between.length, 10);
  head.writeUInt32LE(40, 14);
  head.writeInt32LE(width, 18);
  head.writeInt32LE(height, 22);
  head.writeUInt16LE(1, 26);
  head.writeUInt16LE(bits, 28);
  head.writeUInt32LE(compression, 30);
  return Buffer.concat([head, Buffer.from(between), Buffer.from(data)]);
}

const RED = [255, 0, 0];
const BLUE = [0, 0, 255];
const COLOURS = [...[0, 0, 255, 0], ...[255, 0, 0, 0]];
/** Blue is written first, and the last row too: red and blue above, two blue ones below. */
const PICTURE = [...RED, ...BLUE, ...BLUE, ...BLUE];

for (const [name, file] of Object.entries({
  "24 bits, rows filled up to four bytes": {
    ...{ width: 2, height: 2, bits: 24 },
    data: [...[255, 0, 0, 255, 0, 0, 9, 9], ...[0, 0, 255, 255, 0, 0, 9, 9]],
  },
  "32 bits, the upper row first, masks as usual": {
    ...{ width: 2, height: -2, bits: 32, compression: 3 },
    between: [...[0, 0, 255, 0], ...[0, 255, 0, 0], ...[255, 0, 0, 0]],
    data: [...[0, 0, 255, 0], ...[255, 0, 0, 0], ...[255, 0, 0, 0], ...[255, 0, 0, 0]],
  },
  "8 bits": { width: 2, height: 2, bits: 8, between: COLOURS, data: [1, 1, 0, 0, 0, 1, 0, 0] },
  "4 bits": { width: 2, height: 2, bits: 4, between: COLOURS, data: [0x11, 0, 0, 0, 0x01, 0, 0, 0] },
  "1 bit": { width: 2, height: 2, bits: 1, between: COLOURS, data: [0xc0, 0, 0, 0, 0x40, 0, 0, 0] },
})) {
  void test(`a bitmap of ${name}`, () => {
    assert.deepEqual(decodeBmp(bitmap(file), 4), { width: 2, height: 2, data: Uint8Array.from(PICTURE) });
  });
}

void test("what is no such bitmap is refused with what is wrong", () => {
  const good = { width: 1, height: 1, bits: 24, data: [1, 2, 3, 0] };
  for (const [file, message] of [
    [bitmap(good).subarray(0, 40), /the end of the file/],
    [bitmap({ ...good, width: 3 }), /58 bytes of 66/],
    [bitmap({ ...good, width: 2, height: 2 }), /a bitmap of 2x2 pixels/],
    [bitmap({ ...good, bits: 8, compression: 1 }), /8 bits a pixel and compression 1/],
    [bitmap({ ...good, bits: 16 }), /16 bits a pixel/],
    [bitmap({ ...good, bits: 8, data: [200, 0, 0, 0] }), /beyond the palette/],
  ] as const) {
    assert.throws(() => decodeBmp(file, 3), { code: "invalid-data", message });
  }
});

void test("any damage gives a picture or invalid-data, nothing else", () => {
  const good = bitmap({ width: 2, height: 2, bits: 8, between: COLOURS, data: [1, 1, 0, 0, 0, 1, 0, 0] });
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.integer({ min: 2, max: good.length - 1 }), fc.nat({ max: 255 })), { maxLength: 6 }),
      fc.nat({ max: good.length }),
      (edits, length) => {
        const copy = Buffer.from(good);
        for (const [offset, value] of edits) copy[offset] = value;
        try {
          const { width, height, data } = decodeBmp(copy.subarray(0, length), 100);
          assert.equal(data.length, width * height * 3);
        } catch (thrown) {
          assert.ok(thrown instanceof MpoError && thrown.code === "invalid-data", String(thrown));
        }
      },
    ),
  );
});
