import assert from "node:assert/strict";
import { test } from "node:test";
import { AccuracyModel } from "../accuracy/accuracy-model.ts";
import { CandidateTable } from "../search/candidate-table.ts";
import { CostModel } from "../search/cost-model.ts";
import { search } from "../search/search.ts";
import { SLOW_BOARD, simulatedProfile } from "../test-support/simulated-device.ts";
import { resnetLikeChain } from "../test-support/tiny-chain.ts";
import { placementFor } from "./shared-placements.ts";
import { UnitCostTable } from "./unit-costs.ts";

const chain = resnetLikeChain(20, "batchNorm");
const even = chain.units.map(() => 10);

test("devices whose units take about the same shares of the time have one placement", () => {
  const costs = new UnitCostTable(chain);
  const first = placementFor(costs, even, 16);
  const faster = even.map((ms) => ms / 3);
  const uneven = even.map((ms, unit) => ms * (unit % 2 === 0 ? 1.1 : 1));
  assert.equal(placementFor(costs, faster, 16), first);
  assert.equal(placementFor(costs, uneven, 16), first);
});

test("another kind of device, micro-batch or chain has its own placement, and the first stays known", () => {
  const costs = new UnitCostTable(chain);
  const first = placementFor(costs, even, 16);
  const slowAtTheEnd = even.map((ms, unit) => ms * (unit === even.length - 1 ? 5 : 1));
  const other = placementFor(costs, slowAtTheEnd, 16);
  assert.notEqual(other, first);
  assert.notEqual(placementFor(costs, even, 32), first);
  assert.notEqual(placementFor(new UnitCostTable(chain), even, 16), first);
  assert.equal(placementFor(costs, even, 16), first);
  assert.equal(placementFor(costs, slowAtTheEnd, 16), other);
});

test("a search with what other devices of the model left behind is as good as one from nothing", () => {
  const shared = new UnitCostTable(chain);
  const found = [1, 2, 3].map((seed) => {
    const profile = simulatedProfile(chain, { ...SLOW_BOARD, seed });
    const accuracy = new AccuracyModel([], { hasBatchStatistics: true });
    const [own, others] = [new UnitCostTable(chain), shared].map((costs) => {
      const table = new CandidateTable(new CostModel(chain, profile, costs), accuracy);
      const memoryBytes = 0.5 * Math.max(...table.memoryUpper);
      return search(table, { memoryBytes, windowMs: 600_000 }).best;
    });
    return { own, others };
  });
  for (const { own, others } of found) {
    assert.ok(own !== undefined && others !== undefined);
    assert.ok(others.stepMs.expected <= 1.02 * own.stepMs.expected);
    assert.ok(others.accuracy.expected >= own.accuracy.expected - 0.001);
  }
});
