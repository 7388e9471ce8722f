import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { AccuracyModel } from "../accuracy/accuracy-model.ts";
import type { Prediction, SearchBudget } from "../facts/index.ts";
import { MpoError } from "../facts/mpo-error.ts";
import { predictionSchema } from "../facts/prediction.ts";
import type { AccuracySample } from "../facts/profile.ts";
import { uniformFreezing } from "../facts/retrain-config.ts";
import { checked } from "../facts/schema.ts";
import { planStep } from "../plan/plan-step.ts";
import { POLICY_NAMES, type PolicyName } from "../plan/policies.ts";
import { simulatedProfile } from "../test-support/simulated-device.ts";
import { resnetLikeChain } from "../test-support/tiny-chain.ts";
import { CandidateTable } from "./candidate-table.ts";
import { CostModel } from "./cost-model.ts";
import { SAME_ACCURACY } from "./ladder.ts";
import { search } from "./search.ts";
import type { Cut } from "./search-result.ts";

const chain = resnetLikeChain(20, "groupNorm");
const model = new CostModel(chain, simulatedProfile(chain));

/** The more trains, the more is learned, and the slower. */
function curve(rate: number, gain: number, tau: number): AccuracySample {
  return {
    freezing: { ...uniformFreezing(rate), linear: 0 },
    microBatch: 16,
    judge: "labels",
    startAccuracy: 0.4,
    points: [5, 10, 20, 40, 80].map((steps) => ({ steps, accuracy: 0.4 + gain * (1 - Math.exp(-steps / tau)) })),
    judgedSamples: 2000,
  };
}

const accuracy = new AccuracyModel([curve(0, 0.4, 30), curve(0.5, 0.3, 15), curve(1, 0.1, 10)], {
  hasBatchStatistics: false,
});
const table = new CandidateTable(model, accuracy);
const MIB = 1024 * 1024;
const plenty: SearchBudget = { memoryBytes: 4096 * MIB, windowMs: 3_600_000 };
const leastBytes = Math.min(...table.memoryUpper);
const mostBytes = Math.max(...table.memoryUpper);
const fastestMs = Math.min(...table.stepMsUpper);

const budgets = fc.record({
  memoryBytes: fc.double({ min: 1.3, max: 8, noNaN: true }).map((times) => leastBytes * times),
  windowMs: fc.double({ min: 20, max: 2000, noNaN: true }).map((times) => fastestMs * times),
});

function visited(budget: SearchBudget): readonly { readonly prediction: Prediction; readonly cut: Cut | undefined }[] {
  const all: { prediction: Prediction; cut: Cut | undefined }[] = [];
  search(table, budget).forEach((prediction, cut) => {
    all.push({ prediction, cut });
  });
  return all;
}

test("what is chosen keeps the budget by its upper bounds, and can be planned", () => {
  fc.assert(
    fc.property(budgets, fc.constantFrom("accuracy", "memory", "time"), (budget, objective) => {
      const { best, ladder, runnerUp } = search(table, budget, { objective });
      for (const { memoryBytes, stepMs, config } of ladder) {
        assert.ok(memoryBytes.upper <= budget.memoryBytes && memoryBytes.expected <= memoryBytes.upper);
        assert.ok(stepMs.upper <= budget.windowMs);
        assert.equal(config.microBatch * config.accumulation, 64);
        assert.ok(planStep(chain, config).microStep.length > 0);
      }
      assert.equal(ladder.at(-1), best);
      assert.deepEqual(best.memoryBytes, model.predict(best.config).memoryBytes);
      assert.ok(Math.abs(best.stepMs.expected / model.predict(best.config).stepMs.expected - 1) < 1e-9);
      if (runnerUp !== undefined) assert.notDeepEqual(runnerUp.config, best.config);
    }),
    { seed: 1, numRuns: 25 },
  );
});

test("the ladder climbs: more memory on each rung, and more of the objective", () => {
  const { ladder } = search(table, plenty);
  assert.ok(ladder.length >= 3);
  ladder.forEach((rung, index) => {
    const below = ladder[index - 1];
    if (below === undefined) return;
    assert.ok(rung.memoryBytes.upper > below.memoryBytes.upper);
    assert.ok(rung.accuracy.expected > below.accuracy.expected - 1e-9 || rung.stepMs.expected < below.stepMs.expected);
  });
});

test("every cut holds against all other candidates", () => {
  const budget: SearchBudget = { memoryBytes: mostBytes / 4, windowMs: 40 * fastestMs };
  const all = visited(budget);
  assert.equal(all.length, table.count);
  for (const { prediction } of all) assert.deepEqual(checked(predictionSchema, prediction, "prediction"), prediction);
  const front = all.filter(({ cut }) => cut === undefined);
  assert.ok(front.length > 0);
  for (const { prediction, cut } of all) {
    const { memoryBytes, stepMs } = prediction;
    if (cut?.reason === "memory") assert.ok(memoryBytes.upper > budget.memoryBytes, cut.because);
    else if (cut?.reason === "window") assert.ok(stepMs.upper > budget.windowMs, cut.because);
    else if (cut?.reason === "dominated") {
      assert.ok(
        front.some(
          ({ prediction: other }) =>
            other.memoryBytes.expected <= memoryBytes.expected &&
            other.stepMs.expected <= stepMs.expected &&
            other.accuracy.expected >= prediction.accuracy.expected - 1e-9,
        ),
        cut.because,
      );
    } else if (cut === undefined) {
      const isBeaten = front.some(
        ({ prediction: other }) =>
          other !== prediction &&
          other.memoryBytes.expected < memoryBytes.expected &&
          other.stepMs.expected < stepMs.expected &&
          other.accuracy.expected > prediction.accuracy.expected + 1e-9,
      );
      assert.equal(isBeaten, false);
    }
  }
});

test("no candidate within the budget predicts more accuracy than the chosen one", () => {
  fc.assert(
    fc.property(budgets, (budget) => {
      const { best } = search(table, budget);
      for (const { prediction, cut } of visited(budget)) {
        if (cut !== undefined && cut.reason !== "dominated") continue;
        assert.ok(
          prediction.accuracy.expected <= best.accuracy.expected + 0.002,
          `${prediction.accuracy.expected} of ${JSON.stringify(prediction.config)} against ${best.accuracy.expected}`,
        );
      }
    }),
    { seed: 2, numRuns: 5 },
  );
});

test("more memory or more time never lowers the predicted accuracy", () => {
  const predicted = (memoryTimes: number, windowTimes: number): number =>
    search(table, { memoryBytes: leastBytes * memoryTimes, windowMs: fastestMs * windowTimes }).best.accuracy.expected;
  for (const [low, high] of [
    [1.5, 2],
    [2, 4],
    [4, 16],
  ] as const) {
    assert.ok(predicted(high, 100) >= predicted(low, 100) - 0.002);
    assert.ok(predicted(4, 50 * high) >= predicted(4, 50 * low) - 0.002);
  }
});

test("objectives: memory and time are least at nearly the best accuracy", () => {
  const budget: SearchBudget = { memoryBytes: mostBytes, windowMs: 200 * fastestMs };
  const [accurate, small, fast] = (["accuracy", "memory", "time"] as const).map(
    (objective) => search(table, budget, { objective }).best,
  ) as [Prediction, Prediction, Prediction];
  assert.ok(small.memoryBytes.expected < accurate.memoryBytes.expected);
  assert.ok(small.accuracy.expected >= accurate.accuracy.expected - 0.025);
  assert.ok(fast.accuracy.expected >= accurate.accuracy.expected - 0.025);
  assert.ok(fast.stepMs.expected <= small.stepMs.expected);
});

test("the joint policy is predicted no worse than any other, and each keeps its rules", () => {
  const budget: SearchBudget = { memoryBytes: mostBytes / 3, windowMs: 100 * fastestMs };
  const results = new Map<string, Prediction>();
  for (const name of POLICY_NAMES) {
    try {
      results.set(name, search(table, budget, { policy: name }).best);
    } catch (error) {
      assert.ok(error instanceof MpoError && error.code === "over-budget");
    }
  }
  const joint = results.get("joint");
  assert.ok(joint !== undefined);
  for (const [name, { config, accuracy: reached }] of results) {
    assert.ok(reached.expected <= joint.accuracy.expected + 0.002, name);
    if (name === "microBatch") assert.equal(config.checkpoints.kind, "none");
    if (name.startsWith("microBatch")) assert.deepEqual(config.freezing, uniformFreezing(0));
    if (name === "freezing") assert.equal(config.microBatch, 64);
  }
  assert.ok(results.has("microBatch"));
});

/** Each policy with one that may do all that it may, and more. */
const WIDER: readonly (readonly [narrow: PolicyName, wide: PolicyName])[] = [
  ...POLICY_NAMES.map((name) => [name, "joint"] as const),
  ["fullBatch", "freezing"],
  ["microBatch", "microBatchAndCheckpointing"],
  ["checkpointing", "microBatchAndCheckpointing"],
];

test("what may do more chooses no worse, however little memory there is", () => {
  const tight = fc.record({
    memoryBytes: fc.double({ min: 1, max: 4, noNaN: true }).map((times) => leastBytes * times),
    windowMs: fc.double({ min: 5, max: 100, noNaN: true }).map((times) => fastestMs * times),
  });
  const expected = (budget: SearchBudget, policy: PolicyName): number => {
    try {
      return search(table, budget, { policy }).best.accuracy.expected;
    } catch (error) {
      assert.ok(error instanceof MpoError && error.code === "over-budget");
      return 0;
    }
  };
  fc.assert(
    fc.property(tight, fc.constantFrom(...WIDER), (budget, [narrow, wide]) => {
      assert.ok(expected(budget, wide) >= expected(budget, narrow) - 2 * SAME_ACCURACY, `${wide} than ${narrow}`);
    }),
    { seed: 1, numRuns: 200 },
  );
});

test("a method's fixed rates hold in every candidate", () => {
  const tent = new CandidateTable(model, accuracy, { featureExtraction: 1, linear: 1 });
  search(tent, plenty).forEach(({ config }) => {
    assert.equal(config.freezing.featureExtraction, 1);
    assert.equal(config.freezing.linear, 1);
  });
  assert.equal(tent.catalogue.choices.length, 10);
});

test("where nothing is trained, all that is chosen is the micro-batch", () => {
  const batchNormed = resnetLikeChain(20, "batchNorm");
  const costs = new CostModel(batchNormed, simulatedProfile(batchNormed));
  const norm = new CandidateTable(costs, accuracy, { featureExtraction: 1, normalisation: 1, linear: 1 });
  const { best } = search(norm, plenty);
  assert.deepEqual(best.config.freezing, uniformFreezing(1));
  assert.equal(norm.catalogue.choices.length, 1);
  search(norm, plenty).forEach(({ memoryBytes, stepMs }) => {
    assert.ok(memoryBytes.expected > 0 && stepMs.expected > 0);
  });
});

test("a budget under the least of any config names that config and its size", () => {
  assert.throws(
    () => search(table, { memoryBytes: leastBytes / 10, windowMs: 1e6 }),
    (error: unknown) =>
      error instanceof MpoError &&
      error.code === "over-budget" &&
      /no configuration fits [\d.]+ [KM]iB: the smallest may need [\d.]+ [KM]iB \(64 micro-batches of 1,/.test(
        error.message,
      ),
  );
});

test("a window shorter than one step names the fastest step", () => {
  assert.throws(
    () => search(table, { memoryBytes: mostBytes, windowMs: fastestMs / 3 }),
    (error: unknown) =>
      error instanceof MpoError &&
      error.code === "over-budget" &&
      /a window of .* m?s for its steps is shorter than one step of any configuration: the fastest .* may take/.test(
        error.message,
      ),
  );
});

test("budgets that are no budgets are refused", () => {
  for (const budget of [
    { memoryBytes: 0, windowMs: 1 },
    { memoryBytes: Number.NaN, windowMs: 1 },
    { memoryBytes: 1, windowMs: -1 },
  ]) {
    assert.throws(
      () => search(table, budget),
      (error: unknown) => error instanceof MpoError && error.code === "invalid-argument",
    );
  }
});

test("times of a whole search and of a re-plan, printed", (context) => {
  for (const depth of [20, 101] as const) {
    const large = resnetLikeChain(depth);
    const timed = <T>(work: () => T): { readonly ms: number; readonly value: T } => {
      const start = performance.now();
      const value = work();
      return { ms: performance.now() - start, value };
    };
    const fitted = new CostModel(large, simulatedProfile(large, undefined, 256));
    const build = (): CandidateTable => new CandidateTable(fitted, new AccuracyModel([], { hasBatchStatistics: true }));
    build();
    const built = timed(build);
    const budget = { memoryBytes: Math.max(...built.value.memoryUpper) / 20, windowMs: 1e8 };
    const first = timed(() => search(built.value, budget));
    const again = timed(() => search(built.value, { ...budget, memoryBytes: budget.memoryBytes * 0.99 }));
    context.diagnostic(
      `${large.model}: ${built.value.count} candidates, table ${built.ms.toFixed(1)} ms, search ${first.ms.toFixed(1)} ms, re-plan ${again.ms.toFixed(1)} ms`,
    );
  }
});
