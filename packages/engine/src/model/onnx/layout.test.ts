import assert from "node:assert/strict";
import { test } from "node:test";
import { type Atom, aligned, isTangled, merged, reshaped, shapeOf, type Variable } from "./layout.ts";

const BATCH: Atom = { extent: 1_009 };

/** `[batch, channels, height, width]` of the file, `[height, width, channels]` in the engine. */
function image(channels: number, height: number, width: number): Variable {
  const [c, h, w] = [{ extent: channels }, { extent: height }, { extent: width }];
  return { kind: "variable", node: "x", order: [h, w, c], axes: [[BATCH], [c], [h], [w]] };
}

test("pixels as tokens, and back, move nothing", () => {
  const x = image(8, 4, 6);
  const tokens = reshaped(x, [1_009, 8, 24], BATCH)!;
  assert.deepEqual(shapeOf(tokens), [1_009, 8, 24]);
  const turned = { ...tokens, axes: [tokens.axes[0]!, tokens.axes[2]!, tokens.axes[1]!] };
  assert.equal(isTangled(turned, BATCH), false);
  assert.equal(merged(turned).order.length, 2);
  assert.deepEqual(shapeOf(reshaped(turned, [1_009, 4, 6, 8], BATCH)!), [1_009, 4, 6, 8]);
});

test("channels split into heads stay where they are, patches lie in pieces", () => {
  const heads = reshaped(image(12, 4, 6), [1_009, 3, 4, 24], BATCH)!;
  assert.deepEqual(
    heads.order.map(({ extent }) => extent),
    [4, 6, 3, 4],
  );
  const patches = reshaped(image(2, 4, 6), [1_009 * 2 * 2, 2, 3, 2], BATCH)!;
  const [first, down, across, right] = patches.axes as readonly [
    readonly Atom[],
    readonly Atom[],
    readonly Atom[],
    readonly Atom[],
  ];
  const pixels = { ...patches, axes: [first, [...down, ...right], across] };
  assert.equal(isTangled(pixels, BATCH), true);
});

test("neither the batch nor an axis is split where no factor ends", () => {
  assert.equal(reshaped(image(8, 4, 6), [2, 1_009 * 4 * 24], BATCH), undefined);
  assert.equal(reshaped(image(6, 4, 1), [1_009, 8, 3], BATCH), undefined);
});

test("tensors are aligned by broadcasting, whatever factors their axes have", () => {
  const x = image(8, 4, 6);
  const gate: Atom = { extent: 8 };
  const { leftOf } = aligned(x, { kind: "variable", node: "g", order: [gate], axes: [[BATCH], [gate], [], []] });
  assert.equal(
    [...leftOf.values()].some(({ extent }) => extent === 8),
    true,
  );
  const parts = [{ extent: 2 }, { extent: 4 }] as const;
  const { left } = aligned(x, { kind: "variable", node: "g", order: parts.toReversed(), axes: [parts, [], []] });
  assert.deepEqual(
    left.order.map(({ extent }) => extent),
    [4, 6, 2, 4],
  );
  const other: Atom = { extent: 3 };
  const misfit: Variable = { kind: "variable", node: "g", order: [other], axes: [[other], [], []] };
  assert.throws(() => aligned(x, misfit), { code: "unsupported", message: /have the shapes/u });
});
