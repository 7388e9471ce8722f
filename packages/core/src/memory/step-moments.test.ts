import assert from "node:assert/strict";
import { it } from "node:test";
import { NOTHING_FROZEN } from "../facts/index.ts";
import { planStep } from "../plan/index.ts";
import { tinyChain } from "../test-support/tiny-chain.ts";
import { memoryTimeline } from "./memory-timeline.ts";
import { highMoments } from "./step-moments.ts";

const FACTS = { slotsPerParameter: 0, lossWorkBytesPerSample: 0 };

it("moments keep the peak of a step, however few they are", () => {
  const chain = tinyChain();
  const config = {
    ...{ microBatch: 4, accumulation: 2, freezing: NOTHING_FROZEN },
    checkpoints: { kind: "uniform", segments: 2 } as const,
  };
  const { bytesDuring, peakBytes } = memoryTimeline(planStep(chain, config), FACTS);
  for (const most of [1, 3, bytesDuring.length, 1_000]) {
    const moments = highMoments(chain, config, FACTS, most);
    assert.ok(moments.length <= most);
    assert.equal(Math.max(...moments.map(({ bytes }) => bytes)), peakBytes);
  }
  const phases = new Set(highMoments(chain, config, FACTS, 1_000).map(({ phase }) => phase));
  assert.deepEqual([...phases], ["forward", "loss", "backward", "parameters", "recompute"]);
});
