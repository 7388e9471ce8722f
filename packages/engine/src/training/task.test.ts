import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type LearningRateSchedule, learningRateAt, meanOfLatest, statisticsShareAt } from "./task.ts";

const PEAK = 0.7;
const ROUNDING = 1e-12;

test("a constant learning rate stays", () => {
  for (const step of [0, 3, 9]) assert.equal(learningRateAt({ kind: "constant", rate: 0.3 }, step, 10), 0.3);
});

test("a linear learning rate goes on from piece to piece", () => {
  const pieceOf = (from: number, to: number): number[] =>
    [0, 1, 2, 3].map((step) => learningRateAt({ kind: "linear", from, to }, step, 4));
  assert.deepEqual([...pieceOf(8, 4), ...pieceOf(4, 0)], [8, 7, 6, 5, 4, 3, 2, 1]);
});

test("one cycle rises in a line to its peak and falls along half a cosine", () => {
  const schedule: LearningRateSchedule = { kind: "oneCycle", peak: 2, warmUpShare: 0.4 };
  const rates = Array.from({ length: 10 }, (_, step) => learningRateAt(schedule, step, 10));
  const fall = [0, 1, 2, 3, 4, 5].map((step) => 1 + Math.cos((Math.PI * step) / 6));
  [0.5, 1, 1.5, 2, ...fall].forEach((rate, step) => {
    assert.ok(Math.abs((rates[step] ?? 0) - rate) < 1e-12, `step ${step}: ${rates[step]} is not ${rate}`);
  });
});

test("one cycle is positive, never above its peak, reaches it, and has one top", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 200 }), fc.double({ min: 0, max: 1, noNaN: true }), (steps, warmUpShare) => {
      const schedule: LearningRateSchedule = { kind: "oneCycle", peak: PEAK, warmUpShare };
      const rates = Array.from({ length: steps }, (_, step) => learningRateAt(schedule, step, steps));
      assert.ok(rates.every((rate) => rate > 0 && rate <= PEAK + ROUNDING));
      const top = rates.findIndex((rate) => rate >= PEAK - ROUNDING);
      assert.ok(top >= 0, "the peak is not reached");
      rates.forEach((rate, step) => {
        const before = rates[step - 1] ?? rate;
        assert.ok(step <= top ? rate >= before : rate <= before + ROUNDING);
      });
    }),
    { seed: 1 },
  );
});

test("replaced statistics hold nothing of the old ones, and of micro-batches in proportion to their number", () => {
  for (const [updates, microBatch] of [
    [1, 16],
    [2, 64],
    [5, 256],
    [60, 32],
  ] as const) {
    let weights: number[] = [];
    let old = 1;
    for (let update = 0; update < updates; update++) {
      const share = statisticsShareAt(update, microBatch);
      weights = [...weights.map((weight) => weight * (1 - share)), share];
      old *= 1 - share;
    }
    assert.equal(old, 0);
    const [first = 0] = weights;
    weights.forEach((weight, update) => {
      assert.ok(Math.abs(weight / first - (update + 1)) < 1e-9, `update ${update} of ${updates}`);
    });
  }
  assert.equal(statisticsShareAt(10_000, 64), 0.01);
});

test("of replaced statistics small micro-batches leave a thousandth at most after a thousand samples", () => {
  for (const microBatch of [1, 2, 3, 8, 15]) {
    let old = 1;
    for (let update = 0; update < 1000 / microBatch; update++) {
      const share = statisticsShareAt(update, microBatch);
      assert.ok(share > 0 && share <= microBatch / 16);
      old *= 1 - share;
    }
    assert.ok(old > 0 && old < 1e-3, `${old} after micro-batches of ${microBatch}`);
  }
});

test("the mean of the latest predictions fades over as many samples, whatever their micro-batches", () => {
  const [first, later] = [Float32Array.of(1, 0), Float32Array.of(0, 1)];
  assert.deepEqual(meanOfLatest(undefined, first, 4), first);
  assert.deepEqual(meanOfLatest(first, later, 640), later);
  const after = (microBatch: number): number => {
    let latest = meanOfLatest(undefined, first, microBatch);
    for (let seen = 0; seen < 320; seen += microBatch) latest = meanOfLatest(latest, later, microBatch);
    assert.ok(Math.abs(latest[0]! + latest[1]! - 1) < 1e-5);
    return latest[0]!;
  };
  assert.ok(Math.abs(after(1) - Math.exp(-0.5)) < 0.01);
  assert.ok(Math.abs(after(32) - Math.exp(-0.5)) < 0.02);
});
