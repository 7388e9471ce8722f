import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { fromBlockDiagonal, toBlockDiagonal } from "./grouped-kernel.ts";

const small = fc.integer({ min: 1, max: 3 });
const kernels = fc
  .record({ height: small, width: small, groups: small, inputsPerGroup: small, filtersPerGroup: small })
  .map(({ height, width, groups, inputsPerGroup, filtersPerGroup }) => ({
    height,
    width,
    groups,
    inputs: groups * inputsPerGroup,
    filters: groups * filtersPerGroup,
  }));

void test("a grouped kernel comes back from its block-diagonal form", () => {
  fc.assert(
    fc.property(kernels, (extents) => {
      const { height, width, inputs, filters, groups } = extents;
      const kernel = Float32Array.from({ length: (height * width * inputs * filters) / groups }, (_, i) => i + 1);
      const dense = toBlockDiagonal(kernel, extents);
      assert.equal(dense.length, kernel.length * groups);
      assert.deepEqual(fromBlockDiagonal(dense, extents), kernel);
      const zero = dense.indexOf(0);
      if (zero >= 0) assert.equal(fromBlockDiagonal(dense.with(zero, 1), extents), undefined);
    }),
    { seed: 1 },
  );
});

void test("the blocks lie where the groups are", () => {
  const extents = { height: 1, width: 1, inputs: 4, filters: 4, groups: 2 };
  const dense = toBlockDiagonal(Float32Array.from([1, 2, 3, 4, 5, 6, 7, 8]), extents);
  assert.deepEqual([...dense], [1, 2, 0, 0, 5, 6, 0, 0, 0, 0, 3, 4, 0, 0, 7, 8]);
});
