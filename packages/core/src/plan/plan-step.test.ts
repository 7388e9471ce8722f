import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { MpoError } from "../facts/mpo-error.ts";
import { type Checkpoints, type FreezingRates, uniformFreezing } from "../facts/retrain-config.ts";
import { firstMissingSavedTensor, firstUnwrittenRead, trainedParameters } from "../test-support/plan-facts.ts";
import { arbitraryChain, tinyChain } from "../test-support/tiny-chain.ts";
import { frozenParameters, valuesWithGradient } from "./freezing.ts";
import { planStep } from "./plan-step.ts";

const rate = fc.integer({ min: 0, max: 10 }).map((tenths) => tenths / 10);
/** The head always trains, so that every drawn plan exists. */
const freezing: fc.Arbitrary<FreezingRates> = fc.record({
  featureExtraction: rate,
  normalisation: rate,
  linear: fc.constant(0),
});
const checkpoints: fc.Arbitrary<Checkpoints> = fc.oneof(
  fc.constant<Checkpoints>({ kind: "none" }),
  fc.integer({ min: 1, max: 8 }).map((segments): Checkpoints => ({ kind: "uniform", segments })),
  fc.subarray([0, 1]).map((at): Checkpoints => ({ kind: "boundaries", at })),
);

test("planStep writes every tensor before it is read, and only once", () => {
  fc.assert(
    fc.property(arbitraryChain(), freezing, checkpoints, (chain, rates, kept) => {
      assert.equal(firstUnwrittenRead(planStep(chain, { freezing: rates, checkpoints: kept })), undefined);
    }),
    { seed: 1, numRuns: 200 },
  );
});

test("planStep gives every gradient the saved tensors that its op reads, whatever is recomputed", () => {
  fc.assert(
    fc.property(arbitraryChain(), freezing, checkpoints, (chain, rates, kept) => {
      assert.equal(firstMissingSavedTensor(planStep(chain, { freezing: rates, checkpoints: kept })), undefined);
    }),
    { seed: 2, numRuns: 200 },
  );
});

test("planStep consumes exactly one gradient of each trainable parameter, under any checkpoints", () => {
  fc.assert(
    fc.property(arbitraryChain(), freezing, checkpoints, fc.constantFrom(1, 4), (chain, rates, kept, accumulation) => {
      const plan = planStep(chain, { accumulation, freezing: rates, checkpoints: kept });
      const trainable = chain.parameters.map(({ id }) => id).filter((id) => !plan.frozen[id]);
      assert.deepEqual(trainedParameters(plan), trainable);
      assert.deepEqual(plan.applied, accumulation > 1 ? trainable : []);
    }),
    { seed: 3, numRuns: 200 },
  );
});

test("planStep without checkpoints runs every operation once", () => {
  fc.assert(
    fc.property(arbitraryChain(), freezing, (chain, rates) => {
      const plan = planStep(chain, { freezing: rates });
      const forwards = plan.microStep.filter((instruction) => instruction.kind === "forward");
      assert.ok(forwards.every(({ isRecompute }) => !isRecompute));
      assert.equal(new Set(forwards.map(({ op }) => op)).size, forwards.length);
    }),
    { seed: 4, numRuns: 100 },
  );
});

test("planStep changes moving statistics in the first run of an operation only", () => {
  const plan = planStep(tinyChain(), { checkpoints: { kind: "uniform", segments: 3 } });
  const updating = new Map<number, number>();
  for (const instruction of plan.microStep) {
    if (instruction.kind !== "forward" || !instruction.updatesMovingStatistics) continue;
    assert.equal(instruction.isRecompute, false);
    updating.set(instruction.op, (updating.get(instruction.op) ?? 0) + 1);
  }
  assert.equal(updating.size, 4);
  assert.ok([...updating.values()].every((times) => times === 1));
});

test("planStep has no backward instruction in a frozen prefix", () => {
  fc.assert(
    fc.property(arbitraryChain(), freezing, checkpoints, (chain, rates, kept) => {
      const wanted = valuesWithGradient(chain, frozenParameters(chain, rates));
      for (const instruction of planStep(chain, { freezing: rates, checkpoints: kept }).microStep) {
        if (instruction.kind === "backward") assert.ok(wanted[chain.ops[instruction.op]?.output ?? -1]);
      }
    }),
    { seed: 5, numRuns: 200 },
  );
});

test("planStep ends its backward pass at the first of any set of layers, and updates those alone", () => {
  const chain = tinyChain();
  const layers = [...new Set(chain.parameters.map(({ layer }) => layer))];
  fc.assert(
    fc.property(fc.subarray(layers, { minLength: 1 }), checkpoints, (onlyLayers, kept) => {
      const plan = planStep(chain, { freezing: { ...uniformFreezing(0), onlyLayers }, checkpoints: kept });
      const trained = chain.parameters.filter(({ layer }) => onlyLayers.includes(layer)).map(({ id }) => id);
      const updated = plan.microStep.flatMap((each) => (each.kind === "update" ? [each.parameter] : []));
      assert.deepEqual(
        updated.toSorted((left, right) => left - right),
        trained,
      );
      const firstOp = chain.ops.findIndex(({ parameters }) => parameters.some((id) => trained.includes(id)));
      for (const each of plan.microStep) if (each.kind === "backward") assert.ok(each.op >= firstOp);
      assert.equal(firstMissingSavedTensor(plan), undefined);
    }),
    { seed: 7, numRuns: 100 },
  );
});

test("planStep refuses to freeze everything where no statistics move", () => {
  const chain = tinyChain();
  const ops = chain.ops.map(({ statisticsBytes: _, ...op }) => op);
  assert.throws(
    () => planStep({ ...chain, ops }, { freezing: uniformFreezing(1) }),
    (error: unknown) =>
      error instanceof MpoError && error.code === "invalid-argument" && /nothing to train/.test(error.message),
  );
});

test("planStep goes forward alone where everything is frozen and statistics move", () => {
  fc.assert(
    fc.property(checkpoints, (kept) => {
      const chain = tinyChain();
      const { microStep } = planStep(chain, { freezing: uniformFreezing(1), checkpoints: kept });
      assert.equal(microStep.filter(({ kind }) => kind === "forward").length, chain.ops.length, "each operation once");
      assert.ok(microStep.every(({ kind }) => kind === "forward" || kind === "loss"));
    }),
    { seed: 6, numRuns: 50 },
  );
});
