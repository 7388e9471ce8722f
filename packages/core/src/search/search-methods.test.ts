import assert from "node:assert/strict";
import { test } from "node:test";
import { AccuracyModel } from "../accuracy/accuracy-model.ts";
import type { SearchBudget, SearchObjective } from "../facts/index.ts";
import type { MethodName } from "../facts/method-names.ts";
import type { AccuracySample } from "../facts/profile.ts";
import { resolveRetrainConfig } from "../facts/retrain-config.ts";
import { prescribedRates, withPrescribedRates } from "../plan/prescribed-rates.ts";
import { simulatedProfile } from "../test-support/simulated-device.ts";
import { resnetLikeChain } from "../test-support/tiny-chain.ts";
import { CandidateTable } from "./candidate-table.ts";
import { CostModel } from "./cost-model.ts";
import { search } from "./search.ts";
import { searchMethods } from "./search-methods.ts";
import type { SearchResult } from "./search-result.ts";

const chain = resnetLikeChain(20, "batchNorm");
const costs = new CostModel(chain, simulatedProfile(chain));
const PLENTY: SearchBudget = { memoryBytes: 2 ** 32, windowMs: 3_600_000 };

/** A method that gains so much at best, in so many steps; undefined: its accuracy was never measured. */
function searched(method: MethodName, gain: number | undefined, tau: number, objective: SearchObjective): SearchResult {
  const { freezing } = withPrescribedRates(resolveRetrainConfig({}), method);
  const sample = (best: number): AccuracySample => ({
    ...{ freezing, microBatch: 16, judge: "labels", startAccuracy: 0.4, judgedSamples: 2000 },
    points: [5, 10, 20, 40, 80].map((steps) => ({ steps, accuracy: 0.4 + best * (1 - Math.exp(-steps / tau)) })),
  });
  const samples = gain === undefined ? [] : [sample(gain)];
  const accuracy = new AccuracyModel(samples, { hasBatchStatistics: false });
  return search(new CandidateTable(costs, accuracy, prescribedRates(method)), PLENTY, { objective });
}

function joined(gains: readonly (readonly [MethodName, number | undefined, number])[], objective: SearchObjective) {
  return searchMethods(new Map(gains.map(([method, ...how]) => [method, searched(method, ...how, objective)])));
}

test("the method that gains most is chosen, and cheaper ones are rungs below it", () => {
  const { best, runnerUp, ladder, methods, candidates, cuts, front, forEach } = joined(
    [
      ["norm", 0.2, 5],
      ["eta", 0.3, 20],
      ["shot", 0.1, 30],
    ],
    "accuracy",
  );
  assert.equal(best.method, "eta");
  assert.equal(ladder.at(-1), best);
  assert.ok(runnerUp !== undefined && runnerUp.accuracy.expected <= best.accuracy.expected + 0.001);
  const seen = new Map<string, number>();
  forEach(({ method }) => seen.set(method, (seen.get(method) ?? 0) + 1));
  assert.deepEqual([...seen.keys()], ["norm", "eta", "shot"]);
  const sum = (counts: Iterable<number>): number => [...counts].reduce((total, count) => total + count, 0);
  assert.deepEqual([sum(seen.values()), sum([front, ...Object.values(cuts)])], [candidates, candidates]);
  assert.deepEqual(new Set(ladder.map(({ method }) => method)), new Set(["norm", "eta"]));
  assert.deepEqual(
    methods.map(({ method }) => method),
    ["eta", "norm", "shot"],
  );
  for (const [index, rung] of ladder.entries()) {
    const below = ladder[index - 1];
    if (below === undefined) continue;
    assert.ok(rung.memoryBytes.upper > below.memoryBytes.upper);
    assert.ok(rung.accuracy.expected >= below.accuracy.expected);
  }
});

test("what was never measured is chosen only where nothing was", () => {
  assert.equal(
    joined(
      [
        ["norm", 0.01, 5],
        ["shot", undefined, 20],
      ],
      "accuracy",
    ).best.method,
    "norm",
  );
  assert.ok(joined([["shot", undefined, 20]], "accuracy").best.accuracy.isGuess);
  assert.throws(() => searchMethods(new Map()), { code: "invalid-argument" });
});

test("for least memory or time, a method may gain a hundredth less", () => {
  for (const objective of ["memory", "time"] as const) {
    assert.equal(
      joined(
        [
          ["eta", 0.3, 20],
          ["norm", 0.295, 4],
        ],
        objective,
      ).best.method,
      "norm",
    );
    assert.equal(
      joined(
        [
          ["eta", 0.3, 20],
          ["norm", 0.25, 4],
        ],
        objective,
      ).best.method,
      "eta",
    );
  }
});
