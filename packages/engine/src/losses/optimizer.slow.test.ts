import assert from "node:assert/strict";
import { test } from "node:test";
import { GraphBuilder } from "../model/graph-builder.ts";
import type { ModelWeights } from "../model/model-graph.ts";
import { assertClose, norm } from "../test-support/compare-gradients.ts";
import { type EngineRun, engineGradients, runEngine, testSamples, withSession } from "../test-support/engine-run.ts";
import { randomModel } from "../test-support/layers-format-testing.ts";
import type { Optimizer } from "./optimizer.ts";

const CLASSES = 4;
const RATE = 0.05;
const STEPS = 5;

/** Moves `values` in place, given their gradient and the state that it keeps for them. */
type Update = (values: Float64Array, gradient: Float64Array, slots: Float64Array[], step: number) => void;

function sgd(values: Float64Array, gradient: Float64Array): void {
  for (const [index, slope] of gradient.entries()) values[index] = (values[index] ?? 0) - RATE * slope;
}

function momentum(share: number, isNesterov: boolean): Update {
  return (values, gradient, [velocity = new Float64Array(0)]) => {
    for (const [index, slope] of gradient.entries()) {
      const speed = share * (velocity[index] ?? 0) + slope;
      velocity[index] = speed;
      values[index] = (values[index] ?? 0) - RATE * (isNesterov ? slope + share * speed : speed);
    }
  };
}

/** Kingma and Ba 2015, with epsilon as in the efficient form at the end of its section 2. */
function adam(beta1: number, beta2: number, epsilon: number): Update {
  return (values, gradient, [first = new Float64Array(0), second = new Float64Array(0)], step) => {
    const rate = (RATE * Math.sqrt(1 - beta2 ** step)) / (1 - beta1 ** step);
    for (const [index, slope] of gradient.entries()) {
      const mean = beta1 * (first[index] ?? 0) + (1 - beta1) * slope;
      const square = beta2 * (second[index] ?? 0) + (1 - beta2) * slope ** 2;
      first[index] = mean;
      second[index] = square;
      values[index] = (values[index] ?? 0) - (rate * mean) / (Math.sqrt(square) + epsilon);
    }
  };
}

const OPTIMIZERS: readonly (readonly [string, Optimizer, Update])[] = [
  ["SGD", { kind: "sgd" }, sgd],
  ["SGD with weight decay", { kind: "sgd", weightDecay: 0.1 }, sgd],
  ["momentum", { kind: "momentum", momentum: 0.9 }, momentum(0.9, false)],
  ["Nesterov momentum", { kind: "momentum", momentum: 0.8, nesterov: true }, momentum(0.8, true)],
  ["momentum with weight decay", { kind: "momentum", momentum: 0.9, weightDecay: 0.1 }, momentum(0.9, false)],
  ["Adam", { kind: "adam" }, adam(0.9, 0.999, 1e-7)],
  ["SGD drawn back to its source", { kind: "sgd", sourcePull: 0.1 }, sgd],
  ["Adam drawn back to its source", { kind: "adam", sourcePull: 0.1 }, adam(0.9, 0.999, 1e-7)],
  ["Adam with its own constants", { kind: "adam", beta1: 0.5, beta2: 0.9, epsilon: 1e-3 }, adam(0.5, 0.9, 1e-3)],
];

const g = new GraphBuilder("small", [5, 5, 2]);
const features = g.activation(g.conv2d(g.input, { filters: 4, kernelSize: 3, useBias: true }, "conv"), "tanh", "tanh");
const { graph, weights } = randomModel(g.build(g.dense(g.flatten(features, "flat"), CLASSES, "logits")), 6);

/** The same steps in plain 64-bit numbers; gradients come from the engine, at the weights of each step. */
async function reference(run: EngineRun, optimizer: Optimizer, update: Update): Promise<ModelWeights> {
  const state = new Map([...weights].map(([name, values]) => [name, Float64Array.from(values)]));
  const slots = new Map(
    [...weights].map(([name, { length }]) => [name, [new Float64Array(length), new Float64Array(length)]]),
  );
  const decay = optimizer.kind === "adam" ? 0 : (optimizer.weightDecay ?? 0);
  const { sourcePull: pull = 0 } = optimizer;
  const rounded = (): ModelWeights => new Map([...state].map(([name, values]) => [name, Float32Array.from(values)]));
  for (let step = 1; step <= STEPS; step++) {
    const { gradients } = await engineGradients({ ...run, weights: rounded() });
    for (const [name, gradient] of gradients) {
      const values = state.get(name) as Float64Array;
      const decayed = Float64Array.from(gradient, (slope, index) => {
        return name.endsWith("kernel") ? slope + decay * (values[index] ?? 0) : slope;
      });
      update(values, decayed, slots.get(name) as Float64Array[], step);
      for (const [index, value] of values.entries())
        values[index] = value + pull * (weights.get(name)![index]! - value);
    }
  }
  return rounded();
}

for (const [name, optimizer, update] of OPTIMIZERS) {
  for (const accumulation of [1, 2]) {
    test(`${STEPS} steps of ${name} in ${accumulation} micro-batches are those of plain arithmetic`, async () => {
      const run: EngineRun = { graph, weights, samples: testSamples(graph, 6, CLASSES), config: { accumulation } };
      const expected = await reference(run, optimizer, update);
      const { weights: actual } = await runEngine({ ...run, optimizer, learningRate: RATE, steps: STEPS });
      for (const [variable, values] of expected) {
        const start = weights.get(variable) as Float32Array;
        const difference = values.map((value, index) => value - (actual.get(variable)?.[index] ?? Number.NaN));
        const moved = norm(values.map((value, index) => value - (start[index] ?? 0)));
        const error = norm(difference) / moved;
        assert.ok(error <= 1e-4, `${variable} is off by ${error} of the way it moved`);
      }
    });
  }
}

for (const accumulation of [1, 2]) {
  test(`an anchor in ${accumulation} micro-batches draws parameters back by the importance that it has been told`, async () => {
    const optimizer: Optimizer = { kind: "sgd", anchor: 50 };
    const samples = testSamples(graph, 6, CLASSES);
    const run: EngineRun = {
      graph,
      weights,
      samples,
      config: { microBatch: 6 / accumulation, accumulation },
      optimizer,
    };
    const { gradients } = await engineGradients(run);
    const importance = new Map([...gradients].map(([name, values]) => [name, values.map((slope) => slope ** 2)]));
    const expected = new Map([...weights].map(([name, values]) => [name, Float64Array.from(values)]));
    for (let step = 0; step < STEPS; step++) {
      const rounded = new Map([...expected].map(([name, values]) => [name, Float32Array.from(values)]));
      for (const [name, slopes] of (await engineGradients({ ...run, weights: rounded })).gradients) {
        const values = expected.get(name)!;
        for (const [index, slope] of slopes.entries()) {
          const away = values[index]! - weights.get(name)![index]!;
          values[index]! -= RATE * (slope + 2 * 50 * importance.get(name)![index]! * away);
        }
      }
    }
    const actual = await withSession(run, async (session) => {
      const size = samples.images.length / samples.count;
      const step = (learningRate: number, importanceShare: number): void => {
        for (let micro = 0; micro < accumulation; micro++) {
          const count = samples.count / accumulation;
          const images = samples.images.subarray(micro * count * size, (micro + 1) * count * size);
          const batch = { images, labels: samples.labels.subarray(micro * count, (micro + 1) * count), count };
          const share = accumulation === 1 ? importanceShare : 0;
          session.microStep(batch, { learningRate, sampleWeight: 1 / samples.count, seed: 1, importanceShare: share });
        }
        if (accumulation > 1) session.apply(learningRate, importanceShare);
      };
      step(0, 1);
      session.forgetTraining();
      for (let at = 0; at < STEPS; at++) step(RATE, 0);
      return session.read();
    });
    for (const [name, values] of expected) {
      const start = weights.get(name)!;
      const moved = norm(Float32Array.from(values, (value, index) => value - start[index]!));
      const off = norm(Float32Array.from(values, (value, index) => value - actual.get(name)![index]!));
      assert.ok(off <= 1e-3 * moved, `${name} is off by ${off} of ${moved}`);
    }
  });
}

test("the loss that a step reports is that before its update, and it falls", async () => {
  const run: EngineRun = { graph, weights, samples: testSamples(graph, 6, CLASSES) };
  const { losses } = await runEngine({ ...run, learningRate: RATE, steps: 20 });
  assertClose(losses[0] ?? 0, (await engineGradients(run)).loss, 1e-6);
  assert.ok((losses.at(-1) ?? 0) < 0.8 * (losses[0] ?? 0), losses.join());
});
