import assert from "node:assert/strict";
import { test } from "node:test";
import { MpoError } from "@mpo/core";
import fc from "fast-check";
import { decodeNpy, encodeNpy, type NpyArray, type NpyData, type NpyType } from "./npy.ts";

const MAKE: Readonly<Record<NpyType, (values: readonly number[]) => NpyData>> = {
  u1: (values) => Uint8Array.from(values),
  u2: (values) => Uint16Array.from(values),
  u4: (values) => Uint32Array.from(values),
  u8: (values) => Float64Array.from(values, Math.abs),
  i1: (values) => Int8Array.from(values),
  i2: (values) => Int16Array.from(values),
  i4: (values) => Int32Array.from(values),
  i8: (values) => Float64Array.from(values, Math.trunc),
  f4: (values) => Float32Array.from(values),
  f8: (values) => Float64Array.from(values),
};

const arrays = fc
  .tuple(
    fc.constantFrom(...(Object.keys(MAKE) as NpyType[])),
    fc.array(fc.integer({ min: 0, max: 5 }), { maxLength: 4 }),
    fc.infiniteStream(fc.double({ min: -1e9, max: 1e9, noNaN: true })),
  )
  .map(([type, shape, values]): NpyArray => {
    const length = shape.reduce((product, size) => product * size, 1);
    // Adding 0 turns -0 into 0: integers have no -0.
    return { type, shape, data: MAKE[type]([...values.take(length)].map((value) => Math.trunc(value) + 0)) };
  });

void test("arrays of every type and shape survive a round trip", () => {
  fc.assert(
    fc.property(arrays, (array) => {
      const bytes = encodeNpy(array);
      assert.deepEqual(decodeNpy(bytes, "f"), array);
      const dataBytes = array.data.length * Number(array.type.slice(1));
      assert.equal((bytes.length - dataBytes) % 64, 0);
    }),
  );
});

void test("decodes the bytes NumPy 1.26 writes", () => {
  // np.save(f, np.array([[1, -2, 3]], dtype="<i2")), and the same through np.lib.format.write_array version (2, 0).
  const text = "{'descr': '<i2', 'fortran_order': False, 'shape': (1, 3), }";
  const data = Buffer.from("0100feff0300", "hex");
  const one = Buffer.concat([
    Buffer.from("\x93NUMPY\x01\x00\x76\x00", "latin1"),
    Buffer.from(`${text.padEnd(117)}\n`),
    data,
  ]);
  const two = Buffer.concat([
    Buffer.from("\x93NUMPY\x02\x00\x74\x00\x00\x00", "latin1"),
    Buffer.from(`${text.padEnd(115)}\n`),
    data,
  ]);
  const three = Buffer.from(two);
  three[6] = 3;
  for (const bytes of [one, two, three]) {
    assert.deepEqual(decodeNpy(bytes, "f"), { type: "i2", shape: [1, 3], data: Int16Array.from([1, -2, 3]) });
  }
});

void test("big endian, Fortran order, version 3 and Python 2's longs are read", () => {
  const read = (header: string, data: readonly number[]): NpyArray =>
    decodeNpy(Buffer.concat([withHeader(header, 0), Buffer.from(data)]), "f");
  const one = [">u2", ">i4", ">u8", ">f4", ">f8", "|i1"].map((descr) => {
    const bytes = Buffer.alloc(8);
    if (descr === ">f4") bytes.writeFloatBE(7);
    else if (descr === ">f8") bytes.writeDoubleBE(7);
    else bytes.writeUInt8(7, Number(descr[2]) - 1);
    return read(`{'descr': '${descr}', 'fortran_order': False, 'shape': (1L,)}`, [
      ...bytes.subarray(0, Number(descr[2])),
    ]);
  });
  assert.deepEqual(
    one.map(({ type, shape, data }) => [type, shape, [...data]]),
    ["u2", "i4", "u8", "f4", "f8", "i1"].map((type) => [type, [1], [7]]),
  );
  // np.array([0, 1, -0.5, 65504, 2**-24], dtype="<f2")
  const halves = read("{'descr': '<f2', 'fortran_order': False, 'shape': (5,)}", [
    ...[0, 0, 0, 0x3c, 0, 0xb8],
    ...[0xff, 0x7b, 1, 0],
  ]);
  assert.deepEqual(halves, { type: "f4", shape: [5], data: Float32Array.of(0, 1, -0.5, 65504, 2 ** -24) });
  // np.asfortranarray(np.arange(12, dtype="u1").reshape(2, 3, 2))
  const fortran = read(
    "{'descr': '|u1', 'fortran_order': True, 'shape': (2, 3, 2)}",
    [0, 6, 2, 8, 4, 10, 1, 7, 3, 9, 5, 11],
  );
  assert.deepEqual(fortran, { type: "u1", shape: [2, 3, 2], data: Uint8Array.from({ length: 12 }, (_, i) => i) });
});

const good = encodeNpy({ type: "f4", shape: [2, 3], data: Float32Array.from([0, 1, 2, 3, 4, 5]) });

function withHeader(text: string, dataBytes: number): Uint8Array {
  const head = Buffer.from("\x93NUMPY\x01\x00\x00\x00", "latin1");
  head.writeUInt16LE(text.length, 8);
  return Buffer.concat([head, Buffer.from(text), Buffer.alloc(dataBytes)]);
}

function patched(offset: number, ...values: readonly number[]): Uint8Array {
  const copy = good.slice();
  copy.set(values, offset);
  return copy;
}

for (const [name, bytes, message] of [
  ["empty", new Uint8Array(0), /at byte 0: expected a \.npy header, found the end of the file/],
  ["wrong magic", patched(0, 65), /at byte 0: expected the \.npy magic/],
  ["version 4", patched(6, 4), /at byte 6: expected format version 1, 2 or 3, found 4/],
  ["header past the end", patched(8, 255, 255), /at byte 8: expected a header within the first/],
  ["truncated data", good.slice(0, -1), /expected a file of 152 bytes, as its header says, found 151 bytes/],
  ["too long", Uint8Array.from([...good, 1]), /found 153 bytes/],
  ["NaN", patched(good.length - 4, 0, 0, 0xc0, 0x7f), /at byte 148: expected a number, found NaN/],
  ["no shape", withHeader("{'descr': '<f4', 'fortran_order': False}", 4), /expected 'shape'/],
  ["no type", withHeader("{'fortran_order': False, 'shape': (1,)}", 4), /expected 'descr'/],
  ["a record type", withHeader("{'descr': [('a','<f4')], 'fortran_order': False, 'shape': (1,)}", 4), /'descr'/],
  ["objects", withHeader("{'descr': '|O', 'fortran_order': False, 'shape': (1,)}", 4), /found '\|O'/],
  [
    "absurd shape",
    withHeader("{'descr': '<f4', 'fortran_order': False, 'shape': (99999999, 99999999)}", 4),
    /fits in memory/,
  ],
  [
    "more than the file",
    withHeader("{'descr': '<f4', 'fortran_order': False, 'shape': (99999999,)}", 4),
    /a file of \d+ bytes/,
  ],
  ["negative size", withHeader("{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}", 4), /expected 'shape'/],
  [
    "i8 beyond 2^53",
    Buffer.concat([withHeader("{'descr': '<i8', 'fortran_order': False, 'shape': (1,)}", 0), Buffer.alloc(8, 0x7f)]),
    /expected a whole number below 2\^53/,
  ],
] as const) {
  void test(`malformed is refused: ${name}`, () => {
    assert.throws(
      () => decodeNpy(bytes, "some.npy"),
      (error) => {
        assert.ok(error instanceof MpoError);
        assert.equal(error.code, "invalid-data");
        assert.ok(error.message.startsWith("some.npy: at byte "), error.message);
        assert.match(error.message, message);
        return true;
      },
    );
  });
}

void test("any damage gives an array or invalid-data, nothing else", () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat({ max: good.length - 1 }), fc.nat({ max: 255 })), { maxLength: 6 }),
      fc.nat({ max: good.length }),
      (edits, length) => {
        const copy = good.slice();
        for (const [offset, value] of edits) copy[offset] = value;
        try {
          decodeNpy(copy.subarray(0, length), "f");
        } catch (error) {
          assert.ok(error instanceof MpoError && error.code === "invalid-data", String(error));
        }
      },
    ),
    { numRuns: 500 },
  );
});

void test("a shape that is not that of the data is not written", () => {
  assert.throws(
    () => encodeNpy({ type: "u1", shape: [2, 2], data: new Uint8Array(3) }),
    (error) => error instanceof MpoError && error.code === "invalid-argument",
  );
});
