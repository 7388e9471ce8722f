import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type EqualCell, summariseEqual } from "./equal-accuracy.ts";

const cell = (memory: EqualCell["memory"], time: EqualCell["time"]): EqualCell => ({
  limits: { memoryBytes: 1, windowMs: 1 },
  policy: "publishedPlain",
  accuracy: 0.8,
  memory,
  time,
  timeWithProbe: { other: time.other, joint: time.joint === undefined ? undefined : time.joint + 2 },
});

describe("summariseEqual()", () => {
  const rows = summariseEqual([
    cell({ other: 40, joint: 20 }, { other: 8, joint: 2 }),
    cell({ other: 160, joint: 20 }, { other: 8, joint: undefined }),
  ]);
  const plain = rows.find(({ policy }) => policy === "publishedPlain");

  it("takes geometric means, over the limits under which the accuracy was reached", () => {
    assert.ok(Math.abs((plain?.memoryRatio ?? 0) - 4) < 1e-9);
    assert.ok(Math.abs((plain?.timeRatio ?? 0) - 4) < 1e-9);
    assert.ok(Math.abs((plain?.timeWithProbeRatio ?? 0) - 2) < 1e-9);
    assert.deepEqual([plain?.cells, plain?.memoryReached, plain?.timeReached], [2, 2, 1]);
  });

  it("has a row for every contender but joint", () => {
    assert.ok(rows.every(({ policy }) => policy !== "joint"));
    const idle = rows.find(({ policy }) => policy === "checkpointing");
    assert.deepEqual([idle?.cells, idle?.memoryRatio], [0, undefined]);
  });
});
