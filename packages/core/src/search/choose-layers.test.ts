import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { remembered } from "../facts/remembered.ts";
import { NOTHING_FROZEN, resolveRetrainConfig } from "../facts/retrain-config.ts";
import { memoryTimeline } from "../memory/memory-timeline.ts";
import { planStep } from "../plan/plan-step.ts";
import { SimulatedProber } from "../test-support/simulated-device.ts";
import { tinyChain } from "../test-support/tiny-chain.ts";
import { emptyProfile } from "../test-support/tiny-profile.ts";
import { chooseLayers, type LayersCost } from "./choose-layers.ts";

const chain = tinyChain();
const names = [...new Set(chain.parameters.map(({ layer }) => layer))];
const sets = Array.from({ length: 2 ** names.length - 1 }, (_, index) =>
  names.filter((_name, at) => (index + 1) & (1 << at)),
);
const costOf = costs();
const [smallest, largest] = [costOf([names.at(-1) as string]), costOf(names)];

/** By planning whole steps; each set once. */
function costs(): (layers: readonly string[]) => LayersCost {
  const prober = new SimulatedProber(chain);
  const { memoryFacts } = emptyProfile(chain);
  const known = new Map<string, LayersCost>();
  return (layers) =>
    remembered(known, layers.toSorted().join(), () => {
      const config = resolveRetrainConfig({ microBatch: 8, freezing: { ...NOTHING_FROZEN, onlyLayers: layers } });
      const memoryBytes = memoryTimeline(planStep(chain, config), memoryFacts).peakBytes;
      return { memoryBytes, stepMs: prober.trueMs(config) };
    });
}

/** Between what the last layer alone takes, and all. */
function limitsAt(memoryShare: number, timeShare: number): LayersCost {
  const between = (least: number, most: number, share: number): number => least + share * (most - least);
  return {
    memoryBytes: between(smallest.memoryBytes, largest.memoryBytes, memoryShare),
    stepMs: between(smallest.stepMs, largest.stepMs, timeShare),
  };
}

const share = fc.double({ min: 0, max: 1, noNaN: true });
const importances = fc.array(fc.integer({ min: 1, max: 1_000 }), { minLength: names.length, maxLength: names.length });

void test("of a small chain the layers are chosen that no other set that fits outweighs, but for what layers share", () => {
  let beaten = 0;
  fc.assert(
    fc.property(importances, share, share, (weights, memoryShare, timeShare) => {
      const importance = new Map(names.map((name, index) => [name, weights[index] as number]));
      const limits = limitsAt(memoryShare, timeShare);
      const fitting = sets.filter((set) => {
        const { memoryBytes, stepMs } = costOf(set);
        return memoryBytes <= limits.memoryBytes && stepMs <= limits.stepMs;
      });
      const worth = (set: readonly string[]): number => set.reduce((sum, name) => sum + (importance.get(name) ?? 0), 0);
      const best = Math.max(...fitting.map(worth));
      const chosen = chooseLayers(importance, limits, costOf);
      assert.ok(chosen !== undefined && fitting.some((set) => set.join() === chosen.layers.join()));
      assert.ok(chosen.importance > 0.9 * best, `${chosen.importance} of ${best}`);
      if (chosen.importance < best) beaten += 1;
    }),
    { seed: 1, numRuns: 200 },
  );
  assert.ok(beaten <= 4, `${beaten} of 200 were not the best`);
});

void test("nothing is chosen where not even one layer fits", () => {
  const importance = new Map(names.map((name) => [name, 1]));
  assert.equal(chooseLayers(importance, { memoryBytes: 0, stepMs: 1e9 }, costOf), undefined);
});
