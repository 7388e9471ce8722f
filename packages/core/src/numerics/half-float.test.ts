import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { halfToNumber, LARGEST_HALF, numberToHalf } from "./half-float.ts";

describe("numbers of 16 bits", () => {
  it("come back as they were, each of them", () => {
    for (let bits = 0; bits < 0x10000; bits++) {
      const value = halfToNumber(bits);
      if (Number.isFinite(value)) assert.equal(numberToHalf(value) & 0x7fff, bits & 0x7fff, String(value));
    }
  });

  it("are the nearest to any other", () => {
    fc.assert(
      fc.property(fc.double({ min: -LARGEST_HALF, max: LARGEST_HALF, noNaN: true }), (value) => {
        const bits = numberToHalf(value);
        const error = Math.abs(halfToNumber(bits) - value);
        for (const other of [bits - 1, bits + 1]) {
          const neighbour = halfToNumber(other & 0xffff);
          if (Number.isFinite(neighbour)) assert.ok(error <= Math.abs(neighbour - value));
        }
      }),
    );
  });
});
