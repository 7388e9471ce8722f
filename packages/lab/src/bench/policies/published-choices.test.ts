import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { MIB, NOTHING_FROZEN, type Planner, plannerOf, resolveRetrainConfig } from "@mpo/core";
import { buildModel, chainOf, methodNamed, stepMemoryFacts } from "@mpo/engine";
import type { Limits } from "./policy-accounting.ts";
import { type PublishedChoice, publishedUnder } from "./published-choices.ts";
import type { PublishedName } from "./published-rules.ts";

const chain = chainOf(buildModel({ model: "resnet20", norm: "batch", inputShape: [28, 28, 1], classes: 10 }));

function plannerFor(effectiveBatch: number): Planner {
  const memoryFacts = stepMemoryFacts(chain, methodNamed("shot"));
  const model = { hasBatchStatistics: true };
  return plannerOf({ memoryFacts, effectiveBatch, method: { loss: "shot" }, model }, chain);
}

const planner = plannerFor(64);

describe("publishedUnder()", () => {
  const task = {
    method: "shot",
    planner,
    objective: "accuracy",
    sampleCount: 640,
    probeMs: 30_000,
    windows: 1,
  } as const;
  const config = resolveRetrainConfig({ microBatch: 64, freezing: { ...NOTHING_FROZEN, linear: 1 } });
  const minuteMs = 60_000;
  const under = (limits: Limits): ReadonlyMap<PublishedName, PublishedChoice> =>
    new Map(publishedUnder(task, limits).map((choice) => [choice.policy, choice]));
  const plain = planner.predict(config, minuteMs).memoryBytes;

  it("runs one pass and the whole window, under its own bound first and then under all of the limit", () => {
    const memoryBytes = plain.upper + 1000 * MIB;
    const { attempts = [] } = under({ memoryBytes, windowMs: 10 * minuteMs }).get("publishedPlain") ?? {};
    const caps = attempts.map(([run]) => run?.chosen.memoryBytes.upper);
    assert.deepEqual(caps, [plain.upper, memoryBytes]);
    const [[once, often] = []] = attempts;
    assert.deepEqual(once?.length, { count: 640, epochs: 1, steps: 10 });
    const steps = often?.chosen.stepsInWindow ?? 0;
    assert.deepEqual(often?.length, { count: 640, epochs: Math.ceil(steps / 10), steps });
    assert.equal(once?.chosen.config.freezing.linear, 1, "the method's own rules hold");
  });

  it("is not charged for a probe", () => {
    const all = under({ memoryBytes: 2 * plain.upper, windowMs: 30_000 }).get("publishedPlain");
    assert.equal(all?.attempts[0]?.[1]?.chosen.stepsInWindow, planner.predict(config, 30_000).stepsInWindow);
  });

  it("tries what may fit by the lower end of its prediction, and nothing else", () => {
    const least = plain.expected - (plain.upper - plain.expected);
    const tried = under({ memoryBytes: least, windowMs: minuteMs }).get("publishedPlain");
    assert.equal(tried?.attempts[0]?.[0]?.chosen.memoryBytes.upper, least);
    const refused = under({ memoryBytes: 0.99 * least, windowMs: minuteMs });
    assert.deepEqual(refused.get("publishedPlain")?.attempts, []);
    assert.match(refused.get("publishedPlain")?.because ?? "", /memory/u);
    const [smaller] = refused.get("publishedMicroBatch")?.attempts ?? [];
    assert.equal(smaller?.[0]?.chosen.config.microBatch, 32);
  });

  it("does nothing in a window shorter than a step", () => {
    const { attempts, because } = under({ memoryBytes: 2 * plain.upper, windowMs: 1 }).get("publishedPlain") ?? {};
    assert.deepEqual(attempts, []);
    assert.match(because ?? "", /window/u);
  });
});
