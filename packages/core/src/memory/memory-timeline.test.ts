import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { StepMemoryFacts } from "../facts/profile.ts";
import type { Checkpoints } from "../facts/retrain-config.ts";
import { planStep } from "../plan/plan-step.ts";
import { readsOf, writesOf } from "../plan/step-plan.ts";
import { ChainBuilder } from "../test-support/chain-builder.ts";
import { arbitraryChain, tinyChain } from "../test-support/tiny-chain.ts";
import { memoryTimeline } from "./memory-timeline.ts";
import { poolUse, residentGrowth } from "./resident-memory.ts";

const FACTS: StepMemoryFacts = { slotsPerParameter: 0, lossWorkBytesPerSample: 0 };
const segments = fc.integer({ min: 1, max: 6 }).map((count): Checkpoints => ({ kind: "uniform", segments: count }));

test("memoryTimeline counts a hand-made chain byte by byte", () => {
  const builder = new ChainBuilder(8);
  builder.conv(40, 12);
  builder.relu();
  builder.endUnit();
  builder.dense(4, 20);
  builder.endUnit();
  const timeline = memoryTimeline(planStep(builder.build("hand"), { microBatch: 2 }), FACTS);
  assert.equal(timeline.constantBytes, 16);
  assert.deepEqual(
    timeline.bytesDuring.map((bytes) => bytes - 16),
    [
      80 + 12, // convolution: output and kernel in another order
      80, // relu in place
      80 + 8 + 20, // dense: output and kernel
      80 + 8 + 8, // loss: the logits' gradient
      80 + 8 + 20 + 4, // dense: gradients of kernel and bias
      80 + 8 + 24 + 80 + 20, // dense: gradient of its input, while the parameters' gradients wait
      80 + 24 + 80, // update of the kernel
      80 + 4 + 80, // update of the bias
      80 + 80, // relu: in place of the gradient
      80 + 12 + 12, // convolution: gradient of its kernel
      12, // update
    ],
  );
  assert.equal(timeline.peakBytes, 16 + 212);
});

test("memoryTimeline is never under the constant part and never under what an instruction touches", () => {
  fc.assert(
    fc.property(arbitraryChain(), segments, fc.integer({ min: 1, max: 5 }), (chain, checkpoints, microBatch) => {
      const plan = planStep(chain, { microBatch, checkpoints });
      const timeline = memoryTimeline(plan, { slotsPerParameter: 1, lossWorkBytesPerSample: 4 });
      plan.microStep.forEach((instruction, index) => {
        const bytes = timeline.bytesDuring[index] as number;
        assert.ok(bytes >= timeline.constantBytes);
        const touched = new Set<number>();
        for (const tensor of readsOf(instruction)) {
          const owner = plan.tensors[tensor]?.sharesBufferOf ?? tensor;
          if (plan.tensors[owner]?.role !== "input") touched.add(owner);
        }
        const read = [...touched].reduce((sum, id) => sum + (plan.tensors[id]?.bytes.perSample ?? 0) * microBatch, 0);
        assert.ok(bytes - timeline.constantBytes >= read, `instruction ${index} reads ${read} B, ${bytes} B counted`);
      });
    }),
    { seed: 1, numRuns: 150 },
  );
});

test("memoryTimeline ends with nothing but the last gradient besides the constant part", () => {
  fc.assert(
    fc.property(arbitraryChain(), segments, (chain, checkpoints) => {
      const plan = planStep(chain, { microBatch: 3, checkpoints });
      const timeline = memoryTimeline(plan, FACTS);
      const last = plan.microStep.length - 1;
      const lastInstruction = plan.microStep[last];
      assert.ok(lastInstruction !== undefined);
      const touched = [...readsOf(lastInstruction), ...writesOf(lastInstruction)];
      const bytes = touched.reduce((sum, id) => {
        const tensor = plan.tensors[id];
        return tensor?.role === "input" ? sum : sum + (tensor?.bytes.fixed ?? 0) + 3 * (tensor?.bytes.perSample ?? 0);
      }, 0);
      const rest = (timeline.bytesDuring[last] as number) - timeline.constantBytes;
      assert.ok(
        rest <= bytes + 1000 * Number(lastInstruction.kind === "backward"),
        `${rest} B are left, ${bytes} B known`,
      );
    }),
    { seed: 2, numRuns: 150 },
  );
});

test("memoryTimeline grows with the micro-batch and with optimizer slots, and shrinks with freezing", () => {
  const chain = tinyChain();
  const peak = (microBatch: number, rate: number, slotsPerParameter: number): number =>
    memoryTimeline(
      planStep(chain, { microBatch, freezing: { featureExtraction: rate, normalisation: rate, linear: 0 } }),
      { ...FACTS, slotsPerParameter },
    ).peakBytes;
  assert.ok(peak(8, 0, 0) > peak(4, 0, 0));
  assert.ok(peak(8, 0, 2) > peak(8, 0, 0));
  assert.ok(peak(8, 1, 0) < peak(8, 0.5, 0));
  assert.ok(peak(8, 0.5, 0) <= peak(8, 0, 0));
});

test("a pool holds its large tensors, weights and state, and grows by no more than the process does", () => {
  const large = 512 * 1024;
  const builder = new ChainBuilder(large);
  builder.conv(large, large);
  builder.relu();
  builder.endUnit();
  builder.dense(4, large);
  builder.endUnit();
  const chain = builder.build("large");
  for (const slotsPerParameter of [0, 2]) {
    for (const microBatch of [1, 2, 5]) {
      const facts = { slotsPerParameter, lossWorkBytesPerSample: 0 };
      const plan = planStep(chain, { microBatch });
      const { idleBytes, peakBytes } = poolUse(plan, facts);
      const stateBytes = 2 * large * slotsPerParameter;
      assert.ok(idleBytes >= 2 * large, "both weights");
      assert.ok(peakBytes >= idleBytes + stateBytes);
      assert.ok(peakBytes - idleBytes <= residentGrowth(plan, facts));
    }
  }
});
