import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import fc from "fast-check";
import type { AccuracySample } from "../facts/profile.ts";
import { NOTHING_FROZEN, uniformFreezing } from "../facts/retrain-config.ts";
import { AccuracyModel, judgedInterval } from "./accuracy-model.ts";
import { fitLearningCurve, type GainObservation, LearningCurve } from "./learning-curve.ts";

function observed(
  gainAt: (steps: number) => number,
  steps: readonly number[],
  deviation = 0.01,
): readonly GainObservation[] {
  return steps.map((count) => ({ steps: count, gain: gainAt(count), deviation }));
}

const rising = (steps: number): number => 0.2 * (1 - Math.exp(-steps / 20));
/** Tent on a small net: up by 0.15, then down below the start. */
const collapsing = (steps: number): number =>
  0.18 * (1 - Math.exp(-steps / 10)) - 0.4 * (steps ** 2 / (steps ** 2 + 120 ** 2));

test("a curve follows what was seen and goes on in its form", () => {
  const curve = fitLearningCurve(observed(rising, [5, 10, 20, 40]));
  for (const steps of [5, 20, 40, 80]) {
    const { gain, deviation } = curve.at(steps);
    assert.ok(Math.abs(gain - rising(steps)) < 0.03, `${steps}: ${gain} for ${rising(steps)}`);
    assert.ok(deviation < 0.06);
  }
  assert.equal(curve.at(0).gain, 0);
});

test("a curve may peak and fall, and early stop finds the peak", () => {
  const curve = fitLearningCurve(observed(collapsing, [4, 8, 16, 32, 64, 128, 256]));
  assert.ok(Math.abs(curve.at(256).gain - collapsing(256)) < 0.04);
  const best = curve.bestWithin(1000);
  assert.ok(best.steps >= 12 && best.steps <= 64, `stops at ${best.steps}`);
  assert.ok(best.gain > curve.at(256).gain + 0.1);
  const early = curve.bestWithin(8);
  assert.ok(early.steps <= 8 && early.gain <= best.gain);
});

test("a curve that only falls is stopped at once", () => {
  const curve = fitLearningCurve(observed((steps) => -0.01 * steps, [2, 5, 10]));
  assert.deepEqual(curve.bestWithin(100), { steps: 0, gain: 0, deviation: 0 });
});

test("one wild judgement does not carry a curve away", () => {
  const points = observed(rising, [5, 10, 15, 20, 30, 40]);
  const wild = points.map((point, index) => (index === 2 ? { ...point, gain: -0.6 } : point));
  assert.ok(Math.abs(fitLearningCurve(wild).at(40).gain - rising(40)) < 0.06);
});

test("a curve is less sure of what it has not seen, and of what was judged badly", () => {
  const curve = fitLearningCurve(observed(rising, [5, 10]));
  assert.ok(curve.at(1000).deviation > 2 * curve.at(10).deviation);
  assert.ok(fitLearningCurve(observed(rising, [5, 10], 0.1)).at(10).deviation > curve.at(10).deviation);
  assert.ok(fitLearningCurve([]).at(50).deviation > 0.1);
});

test("bestWithin never falls when more steps are allowed", () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.record({ steps: fc.integer({ min: 1, max: 200 }), gain: fc.double({ min: -0.5, max: 0.5, noNaN: true }) }),
        {
          minLength: 1,
          maxLength: 6,
        },
      ),
      (points) => {
        const curve = fitLearningCurve(points.map((point) => ({ ...point, deviation: 0.03 })));
        let previous = 0;
        for (const steps of [0, 1, 3, 10, 31, 100, 500, 5000]) {
          const { gain } = curve.bestWithin(steps);
          assert.ok(gain >= previous - 1e-9, `${gain} within ${steps} steps, ${previous} within fewer`);
          previous = gain;
        }
      },
    ),
    { seed: 1, numRuns: 40 },
  );
});

function sample(rate: number, microBatch: number, gain: number): AccuracySample {
  return {
    freezing: uniformFreezing(rate),
    microBatch,
    judge: "labels",
    startAccuracy: 0.5,
    points: [10, 20, 40].map((steps) => ({ steps, accuracy: 0.5 + gain * (1 - Math.exp(-steps / 10)) })),
    judgedSamples: 1000,
  };
}

test("curves of a believed order become equal where they were seen the other way round, unless clearly so", () => {
  const flat = (gain: number, deviation: number): LearningCurve =>
    fitLearningCurve(observed(() => gain, [5, 10, 20, 40], deviation));
  const gainsOf = (...curves: readonly LearningCurve[]): readonly number[] =>
    LearningCurve.ordered(curves).map((curve) => curve.at(20).gain);
  const [low = 0, high = 0, best] = gainsOf(flat(0.2, 0.02), flat(0.18, 0.04), flat(0.3, 0.02));
  assert.equal(low, high);
  assert.ok(low > 0.18 && low < 0.2, String(low));
  assert.equal(best, flat(0.3, 0.02).at(20).gain);
  const [clear = 0, worse = 0] = gainsOf(flat(0.3, 0.01), flat(0.1, 0.01));
  assert.ok(clear > worse + 0.15);
});

test("AccuracyModel reads unmeasured freezing off its neighbours, less surely", () => {
  const model = new AccuracyModel([sample(0, 16, 0.3), sample(1, 16, 0.1)], { hasBatchStatistics: false });
  const measured = model.predict(NOTHING_FROZEN, 16, 40);
  const between = model.predict(uniformFreezing(0.5), 16, 40);
  assert.ok(Math.abs(measured.expected - 0.8) < 0.03, String(measured.expected));
  assert.ok(
    between.expected < measured.expected && between.expected > model.predict(uniformFreezing(1), 16, 40).expected,
  );
  assert.ok(between.upper - between.lower > measured.upper - measured.lower);
  assert.equal(model.predict(NOTHING_FROZEN, 1, 40).expected, measured.expected);
});

test("AccuracyModel tells micro-batches apart where batch statistics matter", () => {
  const model = new AccuracyModel([sample(0, 64, 0.3), sample(0, 1, 0.02)], { hasBatchStatistics: true });
  assert.ok(model.predict(NOTHING_FROZEN, 64, 40).expected > model.predict(NOTHING_FROZEN, 1, 40).expected + 0.2);
});

test("AccuracyModel expects no more of a smaller micro-batch where batch statistics matter", () => {
  const sampleOf = (microBatch: number, gain: number): AccuracySample => ({
    freezing: NOTHING_FROZEN,
    microBatch,
    judge: "label-free",
    startAccuracy: 0.4,
    points: [{ steps: 2, accuracy: 0.4 + gain }],
    judgedSamples: 384,
  });
  const samples = [sampleOf(64, 0.2), sampleOf(16, 0.21)];
  const gainOf = (model: AccuracyModel, microBatch: number): number =>
    model.curve(NOTHING_FROZEN, microBatch).at(8).gain;
  const batch = new AccuracyModel(samples, { hasBatchStatistics: true });
  for (const [small, large] of [
    [4, 16],
    [16, 64],
    [64, 256],
  ] as const) {
    assert.ok(gainOf(batch, small) <= gainOf(batch, large) + 1e-9, `${small} more than ${large}`);
  }
});

test("AccuracyModel starts from the fleet's prior and lets own measurements overrule it", () => {
  const prior = [sample(0, 16, 0.3)];
  const first = new AccuracyModel([], { hasBatchStatistics: false, priors: prior });
  assert.ok(first.predict(NOTHING_FROZEN, 16, 40).expected > 0.7);
  const second = new AccuracyModel([sample(0, 16, 0.05)], { hasBatchStatistics: false, priors: prior });
  assert.ok(second.predict(NOTHING_FROZEN, 16, 40).expected < 0.6);
});

test("AccuracyModel without any measurement guesses, and says so", () => {
  const model = new AccuracyModel([], { hasBatchStatistics: true });
  assert.equal(model.isGuess, true);
  const { expected, lower } = model.predict(NOTHING_FROZEN, 16, 100);
  assert.ok(expected > lower + 0.1);
  assert.ok(expected > model.predict(uniformFreezing(1), 16, 100).expected);
});

test("what a judge without labels is off by widens all that rests on it, the more the less is right", () => {
  const width = (judge: "labels" | "label-free", accuracy: number): number => {
    const { lower, upper } = judgedInterval(accuracy, judge, 384);
    return upper - lower;
  };
  assert.ok(width("label-free", 0.5) > 2 * width("labels", 0.5));
  assert.ok(width("label-free", 0.5) > width("label-free", 0.9) + 0.1);
  const looks = Array.from({ length: 5 }, () => sample(0, 16, 0.16));
  const predicted = (judge: "labels" | "label-free") =>
    new AccuracyModel(
      looks.map((look) => ({ ...look, judge })),
      { hasBatchStatistics: false },
    ).predict(NOTHING_FROZEN, 16, 40);
  const { expected, lower, upper } = predicted("label-free");
  assert.ok(upper - lower >= 0.8 * (1 - expected), "more looks do not make a judge right");
  assert.equal(predicted("labels").expected, expected);
});

type JudgedRow = readonly [corruption: string, estimate: number, samples: number, truth: number];

/** What `mpo bench judge` measured with seeds that had no part in choosing what a judge is off by. */
const JUDGED_WINDOWS = new URL("../../cases/judged-windows.json", import.meta.url);

test("the truth lies in the interval of 9 of 10 windows, whatever the model, method or corruption", () => {
  const groups = JSON.parse(readFileSync(JUDGED_WINDOWS, "utf8")) as Record<string, readonly JudgedRow[]>;
  const all = Object.values(groups).flat();
  const corruptions = [...new Set(all.map(([corruption]) => corruption))];
  assert.equal(corruptions.length, 15);
  const byCorruption = corruptions.map((name) => [name, all.filter(([corruption]) => corruption === name)] as const);
  for (const [name, rows] of [...Object.entries(groups), ...byCorruption]) {
    const held = rows.filter(([, estimate, samples, truth]) => {
      const { lower, upper } = judgedInterval(estimate, "label-free", samples);
      return lower <= truth && truth <= upper;
    });
    assert.ok(held.length >= 0.9 * rows.length, `${name}: ${held.length} of ${rows.length}`);
  }
});

test("where everything is frozen nothing is gained, unless it was measured: statistics may be taken over", () => {
  const measured = new AccuracyModel([sample(1, 16, 0.2)], { hasBatchStatistics: false });
  assert.ok(Math.abs(measured.predict(uniformFreezing(1), 16, 40).expected - 0.7) < 0.03);
  const other = new AccuracyModel([sample(0, 16, 0.2)], { hasBatchStatistics: false });
  assert.ok(Math.abs(other.predict(uniformFreezing(1), 16, 40).expected - 0.5) < 0.03);
});
