import assert from "node:assert/strict";
import { test } from "node:test";
import type { ImageSet } from "@mpo/datasets";
import { fitClasses } from "./fit-classes.ts";

const set = (classNames?: readonly string[]): ImageSet => ({
  ...{ images: new Float32Array(3), count: 3, height: 1, width: 1, channels: 1 },
  labels: Int32Array.of(0, 1, 1),
  ...(classNames === undefined ? {} : { classNames }),
});
const name = "/m";

void test("a set's labels become the model's outputs, by name", () => {
  for (const [found, names, labels] of [
    [
      ["alone", "mine"],
      ["mine", "alone"],
      [1, 0, 0],
    ],
    [
      ["alone", "mine"],
      ["alone", "mine"],
      [0, 1, 1],
    ],
    [
      ["ankle_boot", "t-shirt top"],
      ["T-shirt/top", "Ankle boot"],
      [1, 0, 0],
    ],
    // As macOS writes names, and as keyboards do.
    [
      ["cafe\u{301}", "the"],
      ["the", "caf\u{e9}"],
      [1, 0, 0],
    ],
    [
      ["0", "1"],
      ["b", "a"],
      [0, 1, 1],
    ],
    // Exact names come first.
    [
      ["A", "a"],
      ["a", "A"],
      [1, 0, 0],
    ],
  ] as const) {
    const fitted = fitClasses(set(found), { name, count: 2, names });
    assert.deepEqual([...fitted.labels!], labels, found.join());
    assert.deepEqual(fitted.classNames, names);
  }
});

void test("without names on one side, labels stay", () => {
  assert.deepEqual(fitClasses(set(["a", "b"]), { name, count: 2 }), set(["a", "b"]));
  assert.deepEqual(fitClasses(set(), { name, count: 2, names: ["b", "a"] }), set());
});

void test("what does not fit is refused with both lists", () => {
  const refused = (found: readonly string[], names: readonly string[] | undefined, message: RegExp): void =>
    assert.throws(() => fitClasses(set(found), { name, count: 2, names }), { message });
  refused(["a", "c"], ["a", "b"], /^\/m: the model's classes are a, b; the data set's are a, c$/);
  refused(["a"], ["a", "b"], /are a, b; the data set's are a$/);
  refused(["a", "b", "c"], ["a", "b"], /are a, b; the data set's are a, b, c$/);
  refused(["a b", "a-b"], ["A B", "c"], /are A B, c; the data set's are a b, a-b$/);
  refused(["a", "b", "c"], undefined, /2 outputs and no names for them; the data set has 3 classes: a, b, c$/);
  refused(["a", "b"], ["a", "b", "c"], /the model has 2 outputs, and names for 3: a, b, c$/);
});
