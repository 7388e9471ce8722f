import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { resolveRetrainConfig } from "../facts/index.ts";
import { windowOverheadMs } from "./window-overhead.ts";

const step = { config: resolveRetrainConfig({ microBatch: 4 }), plannedBytes: 1, stepMs: [1] };

describe("windowOverheadMs()", () => {
  it("is a share of the window before any was seen", () => {
    assert.equal(windowOverheadMs({ steps: [step] }, 10_000), 3_000);
  });

  it("is what the newest windows took besides their steps", () => {
    const steps = [90, 1, 2, 3, 4, 5].map((overheadMs) => ({ ...step, overheadMs }));
    assert.equal(windowOverheadMs({ steps }, 10_000), 3);
  });

  it("leaves something of the window for steps", () => {
    assert.equal(windowOverheadMs({ steps: [{ ...step, overheadMs: 60_000 }] }, 10_000), 9_000);
  });
});
