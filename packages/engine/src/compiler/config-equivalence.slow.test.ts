import assert from "node:assert/strict";
import { test } from "node:test";
import { type Checkpoints, type FreezingRates, frozenParameters, NOTHING_FROZEN, type RetrainConfig } from "@mpo/core";
import { createRandom } from "@mpo/datasets";
import type { Optimizer } from "../losses/optimizer.ts";
import type { ModelGraph, ModelWeights } from "../model/model-graph.ts";
import { graphVariables } from "../model/variables.ts";
import { buildModel } from "../model/zoo/build-model.ts";
import { assertSameGradients } from "../test-support/compare-gradients.ts";
import { type EngineRun, engineGradients, runEngine, testSamples } from "../test-support/engine-run.ts";
import { randomModel, tokensGraph } from "../test-support/layers-format-testing.ts";
import { MIXED_CLASSES, mixedGraph } from "../test-support/mixed-graph.ts";
import { randomSchedule } from "../test-support/random-schedule.ts";
import { chainOf } from "./chain-of.ts";

const BATCH = 8;
const TOLERANCE = 1e-5;
/**
 * The gradient of a bias before a normalisation is a sum of n terms that cancel: zero, but for rounding. TensorFlow fuses
 * a ReLU into its normalisation in one schedule and not in another, and the terms come with other last bits. No partial
 * sum is larger than all terms together, which are about as large as the largest gradient; so each addition errs by at
 * most half of float32's epsilon of that, either way. That is half an epsilon times the root of n for one step, twice
 * that between two.
 */
const CANCELLING_TERMS = BATCH * 3 * 3;
const ROUNDING = Math.sqrt(CANCELLING_TERMS) * 2 ** -23;

type Config = Partial<RetrainConfig>;

function runOf(graph: ModelGraph, classes: number): EngineRun {
  const { weights } = randomModel(graph, 4);
  return { graph, weights, samples: testSamples(graph, BATCH, classes) };
}

function checkpointsOf(unitCount: number): readonly (readonly [string, Checkpoints])[] {
  const random = createRandom(7);
  const units = Array.from({ length: unitCount }, (_, unit) => unit);
  const some = (): number[] => units.filter(() => random.uniform() < 0.4);
  return [
    ...[1, 2, 4].map((segments) => [`${segments} segments`, { kind: "uniform", segments }] as const),
    ["every unit", { kind: "boundaries", at: units }],
    ...Array.from({ length: 3 }, () => some()).map((at) => [`units ${at.join()}`, { kind: "boundaries", at }] as const),
    ...[1, 2, 3, 4].map((index) => {
      const actions = randomSchedule(unitCount, random);
      return [`schedule ${index} of ${actions.length} actions`, { kind: "schedule", actions }] as const;
    }),
  ];
}

const FREEZINGS: readonly (readonly [string, FreezingRates])[] = [
  ["a third of every class", { featureExtraction: 0.35, normalisation: 0.35, linear: 0 }],
  ["all but the head", { featureExtraction: 1, normalisation: 1, linear: 0 }],
  ["all but normalisation", { featureExtraction: 1, normalisation: 0, linear: 1 }],
  ["features only, half", { featureExtraction: 0.5, normalisation: 0, linear: 1 }],
  ["normalisation only", { featureExtraction: 0, normalisation: 1, linear: 0 }],
];

interface Found {
  readonly gradients: ModelWeights;
  readonly weights: ModelWeights;
}

/** Asserts that a config gives the plain step's gradients, leaves what is frozen alone, and the same statistics. */
async function assertEquivalent(run: EngineRun, plain: Found, config: Config): Promise<void> {
  const found = await engineGradients({ ...run, config });
  const chain = chainOf(run.graph);
  const frozen = frozenParameters(chain, config.freezing ?? NOTHING_FROZEN);
  const trained = chain.parameters.filter(({ id }) => !frozen[id]).map(({ name }) => name);
  const pick = (gradients: ModelWeights): ModelWeights =>
    new Map(trained.map((name) => [name, gradients.get(name) as Float32Array]));
  const comparison = { all: plain.gradients, rounding: ROUNDING };
  assertSameGradients(pick(found.gradients), pick(plain.gradients), TOLERANCE, comparison);
  for (const { id, name } of chain.parameters) {
    if (frozen[id]) assert.deepEqual(bitsOf(found.weights, name), bitsOf(run.weights, name), `${name} moved`);
  }
  for (const { name, spec } of graphVariables(run.graph)) {
    if (spec.trainable) continue;
    const expected = plain.weights.get(name) as Float32Array;
    assert.notDeepEqual(expected, run.weights.get(name));
    (found.weights.get(name) as Float32Array).forEach((value, index) => {
      assert.ok(Math.abs(value - (expected[index] ?? 0)) <= 1e-6, `${name}: ${value} is not ${expected[index]}`);
    });
  }
}

/** Makes it at the first call, and gives the same later. */
function once<Result>(make: () => Result): () => Result {
  let made: { readonly result: Result } | undefined;
  return () => {
    made ??= { result: make() };
    return made.result;
  };
}

function bitsOf(weights: ModelWeights, name: string): Uint8Array {
  const values = weights.get(name) as Float32Array;
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

const GRAPHS = [
  ["batch normalisation", mixedGraph("batch"), MIXED_CLASSES],
  ["group normalisation", mixedGraph("group"), MIXED_CLASSES],
  ["tokens", tokensGraph(), 3],
] as const;

for (const [what, graph, classes] of GRAPHS) {
  const run = runOf(graph, classes);
  const chain = chainOf(run.graph);
  const layers = [...new Set(chain.parameters.map(({ layer }) => layer))];
  const checkpoints = checkpointsOf(chain.units.length);
  const plainStep = once(() => engineGradients(run));

  for (const [name, kept] of checkpoints) {
    test(`checkpoints at ${name} change no gradient and no statistics with ${what}`, async () => {
      await assertEquivalent(run, await plainStep(), { checkpoints: kept });
    });
  }

  for (const [index, [name, freezing]] of FREEZINGS.entries()) {
    test(`freezing ${name} changes no other gradient with ${what}`, async () => {
      await assertEquivalent(run, await plainStep(), { freezing });
      const [, kept] = checkpoints[index * 2 + 1] as (typeof checkpoints)[number];
      await assertEquivalent(run, await plainStep(), { freezing, checkpoints: kept });
    });
  }

  for (const first of [1, 2]) {
    test(`training every third layer alone, from layer ${first}, changes no other gradient with ${what}`, async () => {
      const onlyLayers = layers.filter((_, index) => index % 3 === first);
      const freezing = { ...NOTHING_FROZEN, onlyLayers };
      await assertEquivalent(run, await plainStep(), { freezing });
      const [, kept] = checkpoints[2] as (typeof checkpoints)[number];
      await assertEquivalent(run, await plainStep(), { freezing, checkpoints: kept });
    });
  }
}

/** Dropout draws again for each micro-batch, so there is none. */
function withoutDropout(graph: ModelGraph): ModelGraph {
  return {
    ...graph,
    nodes: graph.nodes.map((node) => (node.kind === "dropout" ? { ...node, attributes: { rate: 0 } } : node)),
  };
}

const ACCUMULATIONS: readonly Config[] = [
  { microBatch: 4, accumulation: 2 },
  { microBatch: 1, accumulation: 8 },
  { microBatch: 2, accumulation: 4, checkpoints: { kind: "uniform", segments: 3 } },
  { microBatch: 2, accumulation: 4, freezing: { featureExtraction: 0.4, normalisation: 0.2, linear: 0 } },
  {
    microBatch: 4,
    accumulation: 2,
    freezing: { featureExtraction: 0.4, normalisation: 0.6, linear: 0 },
    checkpoints: { kind: "boundaries", at: [1, 4, 5] },
  },
];

for (const loss of ["crossEntropy", "tent"] as const) {
  const run: EngineRun = { ...runOf(withoutDropout(mixedGraph("group")), MIXED_CLASSES), loss };
  const plainStep = once(() => engineGradients(run));
  for (const config of ACCUMULATIONS) {
    test(`micro-batches change no gradient of ${loss} with group normalisation: ${JSON.stringify(config)}`, async () => {
      await assertEquivalent(run, await plainStep(), config);
    });
  }
}

/** Optimizers that could move a parameter whose gradient is zero: by weight decay, by what they remember. */
const RESTLESS: readonly Optimizer[] = [
  { kind: "momentum", momentum: 0.9, weightDecay: 0.1 },
  { kind: "adam", epsilon: 1e-3 },
];

for (const optimizer of RESTLESS) {
  test(`many steps of ${optimizer.kind} move every kernel that trains, and no frozen one by one bit`, async () => {
    const run = runOf(mixedGraph("batch"), MIXED_CLASSES);
    const freezing: FreezingRates = { featureExtraction: 0.5, normalisation: 0.5, linear: 0 };
    const config: Config = { microBatch: 4, accumulation: 2, freezing, checkpoints: { kind: "uniform", segments: 3 } };
    const { weights } = await runEngine({ ...run, config, optimizer, steps: 6, learningRate: 0.01 });
    const chain = chainOf(run.graph);
    const frozen = frozenParameters(chain, freezing);
    assert.ok(frozen.includes(true) && frozen.includes(false));
    for (const { id, name } of chain.parameters) {
      const [before, after] = [bitsOf(run.weights, name), bitsOf(weights, name)];
      if (frozen[id]) assert.deepEqual(after, before, `${name} moved`);
      else if (name.endsWith("kernel")) assert.notDeepEqual(after, before, `${name} did not move`);
    }
  });
}

test("a model of the zoo has the same gradients under checkpoints, freezing and micro-batches together", async () => {
  const run = runOf(buildModel({ model: "resnet20", norm: "group", inputShape: [16, 16, 3], classes: 10 }), 10);
  const freezing: FreezingRates = { featureExtraction: 0.3, normalisation: 0.5, linear: 0 };
  await assertEquivalent(run, await engineGradients(run), {
    microBatch: 2,
    accumulation: 4,
    freezing,
    checkpoints: { kind: "uniform", segments: 4 },
  });
});
