import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Chain } from "../facts/chain.ts";
import type { StepMemoryFacts } from "../facts/profile.ts";
import type { Checkpoints, FreezingRates } from "../facts/retrain-config.ts";
import { frozenParameters } from "../plan/freezing.ts";
import { planStep } from "../plan/plan-step.ts";
import { unitSchedule } from "../plan/unit-schedule.ts";
import { arbitraryChain, resnetLikeChain, tinyChain } from "../test-support/tiny-chain.ts";
import { memoryTimeline } from "./memory-timeline.ts";
import { peakAt } from "./peak-envelope.ts";
import { UnitCostTable } from "./unit-costs.ts";
import { walkSchedule } from "./unit-walk.ts";

const FACTS: StepMemoryFacts = { slotsPerParameter: 0, lossWorkBytesPerSample: 12 };

function peaks(
  chain: Chain,
  freezing: FreezingRates,
  checkpoints: Checkpoints,
  microBatch: number,
): { readonly planned: number; readonly walked: number } {
  const plan = planStep(chain, { microBatch, freezing, checkpoints });
  const costs = new UnitCostTable(chain).costs(frozenParameters(chain, freezing));
  const walked = walkSchedule(costs, unitSchedule(chain, checkpoints), FACTS.lossWorkBytesPerSample);
  return { planned: memoryTimeline(plan, FACTS).peakBytes, walked: peakAt(walked.peak, microBatch) };
}

const rate = fc.integer({ min: 0, max: 10 }).map((tenths) => tenths / 10);
const freezing: fc.Arbitrary<FreezingRates> = fc.record({
  featureExtraction: rate,
  normalisation: rate,
  linear: fc.constant(0),
});
const checkpoints: fc.Arbitrary<Checkpoints> = fc.oneof(
  fc.constant<Checkpoints>({ kind: "none" }),
  fc.integer({ min: 1, max: 7 }).map((segments): Checkpoints => ({ kind: "uniform", segments })),
);
const hasAlias = (chain: Chain): boolean => chain.ops.some(({ isAlias }) => isAlias);

test("walking a schedule unit by unit gives the peak of its plan, byte by byte", () => {
  fc.assert(
    fc.property(
      arbitraryChain().filter((chain) => !hasAlias(chain)),
      freezing,
      checkpoints,
      fc.constantFrom(1, 2, 16, 256),
      (chain, rates, kept, microBatch) => {
        const { planned, walked } = peaks(chain, rates, kept, microBatch);
        assert.equal(walked, planned);
      },
    ),
    { seed: 1, numRuns: 300 },
  );
});

test("walking a schedule never gives less than its plan where units only reshape", () => {
  fc.assert(
    fc.property(
      arbitraryChain().filter(hasAlias),
      freezing,
      checkpoints,
      fc.constantFrom(1, 64),
      (chain, rates, kept, microBatch) => {
        const { planned, walked } = peaks(chain, rates, kept, microBatch);
        assert.ok(walked >= planned, `${walked} B walked, ${planned} B planned`);
      },
    ),
    { seed: 2, numRuns: 200 },
  );
});

test("walking whole networks gives the peak of their plans", () => {
  for (const norm of ["batchNorm", "groupNorm"] as const) {
    for (const chain of [tinyChain(norm), resnetLikeChain(20, norm), resnetLikeChain(101, norm)]) {
      for (const kept of [{ kind: "none" }, { kind: "uniform", segments: 5 }] as const) {
        for (const featureExtraction of [0, 0.4, 1]) {
          const rates = { featureExtraction, normalisation: 0.3, linear: 0 };
          const { planned, walked } = peaks(chain, rates, kept, 8);
          assert.equal(walked, planned, `${chain.model} ${norm} ${kept.kind} ${featureExtraction}`);
        }
      }
    }
  }
});
