import assert from "node:assert/strict";
import { test } from "node:test";
import { MpoError, type MpoErrorCode } from "@mpo/core";
import { decodeSafetensors, encodeSafetensors } from "./safetensors-file.ts";

const coded =
  (code: MpoErrorCode, message: RegExp) =>
  (error: unknown): boolean =>
    error instanceof MpoError && error.code === code && message.test(error.message);

function file(header: string, data: Uint8Array): Uint8Array {
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(Buffer.byteLength(header)));
  return Buffer.concat([length, Buffer.from(header), data]);
}

void test("floats of 32 and 16 bits are read, and what is written is read again", () => {
  const data = Uint8Array.of(0, 0, 0x80, 0x3f, 0, 0x3c, 0, 0xc0, 0x80, 0x3f, 0x40, 0xc0);
  const header = JSON.stringify({
    __metadata__: { format: "pt" },
    single: { dtype: "F32", shape: [1], data_offsets: [0, 4] },
    half: { dtype: "F16", shape: [2], data_offsets: [4, 8] },
    brain: { dtype: "BF16", shape: [2, 1], data_offsets: [8, 12] },
  });
  const tensors = decodeSafetensors(file(header, data), "f");
  assert.deepEqual(
    [...tensors].map(([name, { shape, values }]) => [name, shape, [...values()]]),
    [
      ["single", [1], [1]],
      ["half", [2], [1, -2]],
      ["brain", [2, 1], [1, -3]],
    ],
  );
  const bytes = encodeSafetensors(
    new Map([
      ["b", { shape: [2], values: Float32Array.of(1, 2) }],
      ["a", { shape: [], values: BigInt64Array.of(7n) }],
    ]),
  );
  assert.equal((8 + bytes[0]!) % 8, 0);
  const again = decodeSafetensors(bytes, "f");
  assert.deepEqual([again.get("a")?.dtype, [...again.get("b")!.values()]], ["I64", [1, 2]]);
  assert.throws(() => again.get("a")!.values(), coded("unsupported", /"a" is of type I64/));
});

void test("a file that is not whole is refused", () => {
  const header = JSON.stringify({ a: { dtype: "F32", shape: [2], data_offsets: [0, 8] } });
  for (const bytes of [
    new Uint8Array(3),
    file(header, new Uint8Array(4)),
    file(header.replace("[2]", "[3]"), new Uint8Array(12)),
    file("{", new Uint8Array(0)),
    file(header, new Uint8Array(8)).subarray(0, 20),
  ]) {
    assert.throws(() => decodeSafetensors(bytes, "f"), coded("invalid-data", /^f/));
  }
});
