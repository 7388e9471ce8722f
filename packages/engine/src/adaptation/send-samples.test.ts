import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { freeImages } from "./send-samples.ts";

describe("freeImages()", () => {
  it("frees images that several sets share once, and those that are gone not again", () => {
    const images = new Float32Array(20);
    const [all, part] = [
      { images, count: 10 },
      { images: images.subarray(0, 8), count: 4 },
    ];
    freeImages(all, part);
    assert.deepEqual([all.images.length, part.images.length], [0, 0]);
    freeImages(part, all);
  });
});
