import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Chain } from "../facts/chain.ts";
import { NOTHING_FROZEN } from "../facts/retrain-config.ts";
import { frozenParameters } from "../plan/freezing.ts";
import { planStep } from "../plan/plan-step.ts";
import { RotorTable } from "../plan/rotor.ts";
import { uniformBoundaries } from "../plan/unit-schedule.ts";
import { firstMissingSavedTensor, firstUnwrittenRead, trainedParameters } from "../test-support/plan-facts.ts";
import { arbitraryChain, resnetLikeChain } from "../test-support/tiny-chain.ts";
import { memoryTimeline } from "./memory-timeline.ts";
import { peakAt } from "./peak-envelope.ts";
import { RotorPlacement, rotorUnits } from "./rotor-placement.ts";
import { UnitCostTable } from "./unit-costs.ts";
import { walkSchedule } from "./unit-walk.ts";

const FACTS = { slotsPerParameter: 0, lossWorkBytesPerSample: 0 };

function forwardMs(chain: Chain): readonly number[] {
  return chain.units.map(({ firstOp, lastOp }) =>
    chain.ops.slice(firstOp, lastOp + 1).reduce((sum, op) => sum + op.forward.flopsPerSample, 1),
  );
}

const rate = fc.integer({ min: 0, max: 10 }).map((tenths) => tenths / 10);
const freezing = fc.record({ featureExtraction: rate, normalisation: rate, linear: fc.constant(0) });
test("every placement plans: nothing is read before it is written, every parameter gets its gradient", () => {
  fc.assert(
    fc.property(arbitraryChain(), freezing, (chain, rates) => {
      const frozen = frozenParameters(chain, rates);
      const placement = new RotorPlacement(new UnitCostTable(chain), forwardMs(chain), 4);
      const schedules = placement.schedules(frozen);
      assert.ok(schedules.length > 0);
      for (const actions of schedules) {
        const plan = planStep(chain, { freezing: rates, checkpoints: { kind: "schedule", actions } });
        assert.equal(firstUnwrittenRead(plan), undefined);
        assert.equal(firstMissingSavedTensor(plan), undefined);
        assert.deepEqual(
          trainedParameters(plan),
          chain.parameters.map(({ id }) => id).filter((id) => !frozen[id]),
        );
      }
    }),
    { seed: 1, numRuns: 100 },
  );
});

test("the last placement keeps everything, and needs what a plan without checkpoints needs", () => {
  fc.assert(
    fc.property(arbitraryChain(), freezing, (chain, rates) => {
      const placement = new RotorPlacement(new UnitCostTable(chain), forwardMs(chain), 4);
      const actions = placement.schedules(frozenParameters(chain, rates)).at(-1);
      assert.ok(actions !== undefined);
      const peak = (kept: Parameters<typeof planStep>[1]): number =>
        memoryTimeline(planStep(chain, { microBatch: 8, freezing: rates, ...kept }), FACTS).peakBytes;
      assert.equal(peak({ checkpoints: { kind: "schedule", actions } }), peak({}));
    }),
    { seed: 2, numRuns: 100 },
  );
});

test("the table's budget is never less than the timeline of the placement that it gives", () => {
  for (const depth of [20, 101] as const) {
    const chain = resnetLikeChain(depth);
    const costs = new UnitCostTable(chain).costs(chain.parameters.map(() => false));
    const table = new RotorTable(rotorUnits(costs, forwardMs(chain), 64), 250);
    for (const budget of table.breakpoints()) {
      const actions = table.schedule(budget);
      assert.ok(actions !== undefined);
      const plan = planStep(chain, { microBatch: 64, checkpoints: { kind: "schedule", actions } });
      const timeline = memoryTimeline(plan, FACTS);
      // The loss keeps logits and their gradient, which the table leaves out.
      assert.ok(timeline.peakBytes <= budget + timeline.constantBytes + 64 * 80);
    }
  }
});

test("placements recompute far less than uniform segments of the same peak do", () => {
  for (const depth of [20, 101] as const) {
    const chain = resnetLikeChain(depth);
    const forward = forwardMs(chain);
    const total = forward.reduce((sum, ms) => sum + ms, 0);
    const table = new UnitCostTable(chain);
    const costs = table.costs(frozenParameters(chain, NOTHING_FROZEN));
    const placed = new RotorPlacement(table, forward, 64)
      .schedules(chain.parameters.map(() => false))
      .map((actions) => {
        const walked = walkSchedule(costs, actions, 0);
        const extra = forward.reduce((sum, ms, unit) => {
          const runs = (walked.forwards[unit] as number) + (walked.agains[unit] as number) - 1;
          return sum + ms * runs;
        }, 0);
        return { bytes: peakAt(walked.peak, 64), extra: extra / total };
      });
    const segments = Math.round(Math.sqrt(chain.units.length));
    const starts = uniformBoundaries(chain.units.length, segments);
    const lastStart = starts.at(-1) ?? 0;
    const uniformExtra = forward.reduce((sum, ms, unit) => (unit < lastStart ? sum + ms : sum), 0) / total;
    const plan = planStep(chain, { microBatch: 64, checkpoints: { kind: "uniform", segments } });
    const uniformBytes = memoryTimeline(plan, FACTS).peakBytes;
    const best = Math.min(...placed.filter(({ bytes }) => bytes <= uniformBytes).map(({ extra }) => extra));
    assert.ok(best <= uniformExtra * 0.6, `${chain.model}: ${best} against ${uniformExtra}`);
  }
});
