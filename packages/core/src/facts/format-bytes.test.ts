import assert from "node:assert/strict";
import { test } from "node:test";
import { formatBytes } from "./format-bytes.ts";

for (const [text, expected] of [
  [formatBytes(0), "0 KiB"],
  [formatBytes(150 * 2 ** 20), "150.0 MiB"],
  [formatBytes(1.25 * 2 ** 30), "1.25 GiB"],
  [formatBytes(-3 * 2 ** 20), "-3.0 MiB"],
  [formatBytes(2 ** 20 + 1), "1.0 MiB"],
  [formatBytes(2 ** 20 + 1, Math.ceil), "1.1 MiB"],
  [formatBytes(1, Math.ceil), "1 KiB"],
] as const) {
  test(`a size is ${expected}`, () => {
    assert.equal(text, expected);
  });
}
