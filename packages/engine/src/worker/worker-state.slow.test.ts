import assert from "node:assert/strict";
import { test } from "node:test";
import { type RetrainConfig, resolveRetrainConfig } from "@mpo/core";
import type { Optimizer } from "../losses/optimizer.ts";
import { withStagedWeights } from "../session/stage-weights.ts";
import { runEngine, testSamples } from "../test-support/engine-run.ts";
import { randomModel, withFolder } from "../test-support/layers-format-testing.ts";
import { MIXED_CLASSES, mixedGraph } from "../test-support/mixed-graph.ts";
import { statisticsShareAt, type TrainingRun } from "../training/task.ts";
import { WorkerState } from "./worker-state.ts";

const BATCH = 8;
const { graph, weights } = randomModel(mixedGraph("batch"), 2);
const samples = testSamples(graph, BATCH, MIXED_CLASSES);
const RUN: TrainingRun = {
  steps: 3,
  learningRate: { kind: "constant", rate: 0.05 },
  seed: 1,
  shuffle: false,
  augmentation: "none",
};

const OPTIMIZERS: readonly Optimizer[] = [
  { kind: "sgd", weightDecay: 0.1 },
  { kind: "momentum", momentum: 0.9, weightDecay: 0.1 },
  { kind: "adam" },
];

/** Without dropout, whose seeds are the training's own. */
const still = {
  ...graph,
  nodes: graph.nodes.map((node) => (node.kind === "dropout" ? { ...node, attributes: { rate: 0 } } : node)),
};

for (const optimizer of OPTIMIZERS) {
  for (const accumulation of [1, 2]) {
    test(`warming up leaves no trace in a training with ${JSON.stringify(optimizer)}, ${accumulation} micro-batches`, () =>
      withFolder(async (folder) => {
        const config = resolveRetrainConfig({ microBatch: BATCH / accumulation, accumulation });
        const expected = await runEngine({
          graph: still,
          weights,
          samples,
          config,
          optimizer,
          steps: RUN.steps,
          learningRate: 0.05,
        });
        const state = new WorkerState(folder);
        try {
          await withStagedWeights(still, weights, folder, async (weightsFolder) =>
            state.load({ graph: still, weightsFolder, training: { config, loss: "crossEntropy", optimizer } }),
          );
          assert.deepEqual(state.session().read(), weights);
          state.setSamples("s", samples);
          const { steps } = await state.train(
            { samples: "s", run: RUN },
            () => undefined,
            () => false,
          );
          assert.deepEqual(
            steps.map(({ loss }) => loss),
            expected.losses,
          );
          assert.deepEqual(state.session().read(), expected.weights);
        } finally {
          state.close();
        }
      }));
  }
}

test("training goes on where the run before ended, also in the optimizer's state", () =>
  withFolder(async (folder) => {
    const config = resolveRetrainConfig({ microBatch: BATCH });
    const setup = { config, loss: "crossEntropy", optimizer: { kind: "adam" } } as const;
    const lossesOf = async (pieces: readonly number[]): Promise<readonly number[]> => {
      const state = new WorkerState(folder);
      try {
        await withStagedWeights(still, weights, folder, async (weightsFolder) =>
          state.load({ graph: still, weightsFolder, training: setup }),
        );
        state.setSamples("s", samples);
        const losses: number[] = [];
        for (const steps of pieces) {
          const run = { samples: "s", run: { ...RUN, steps } };
          await state.train(
            run,
            ({ loss }) => void losses.push(loss),
            () => false,
          );
        }
        return losses;
      } finally {
        state.close();
      }
    };
    assert.deepEqual(await lossesOf([2, 1, 2]), await lossesOf([5]));
  }));

test("another micro-batch of the same program runs in the same session, and what ran before leaves no trace", () =>
  withFolder(async (folder) => {
    const optimizer = { kind: "adam" } as const;
    const state = new WorkerState(folder);
    const load = (config: RetrainConfig) =>
      withStagedWeights(still, weights, folder, async (weightsFolder) =>
        state.load({ graph: still, weightsFolder, training: { config, loss: "crossEntropy", optimizer } }),
      );
    const train = () =>
      state.train(
        { samples: "s", run: RUN },
        () => undefined,
        () => false,
      );
    try {
      state.setSamples("s", samples);
      await load(resolveRetrainConfig({ microBatch: BATCH / 4, accumulation: 4 }));
      const first = state.session();
      await train();
      const config = resolveRetrainConfig({ microBatch: BATCH / 2, accumulation: 2 });
      await load(config);
      assert.equal(state.session(), first);
      const { steps } = await train();
      const task = { graph: still, weights, samples, config, optimizer, steps: RUN.steps, learningRate: 0.05 };
      const expected = await runEngine(task);
      assert.deepEqual(
        steps.map(({ loss }) => loss),
        expected.losses,
      );
      assert.deepEqual(state.session().read(), expected.weights);

      await load(resolveRetrainConfig({ microBatch: BATCH, accumulation: 1 }));
      assert.notEqual(state.session(), first);
    } finally {
      state.close();
    }
  }));

const REPLACED = [
  ["leaves none of the old ones, however early it ends", 16, {}],
  ["moves them by small micro-batches, which are normalised by them", 4, { blendsStatistics: true }],
] as const;

for (const [what, microBatch, form] of REPLACED) {
  test(`a training that replaces statistics ${what}`, () =>
    withFolder(async (folder) => {
      const config = resolveRetrainConfig({ microBatch });
      const setup = { config, loss: "crossEntropy", optimizer: { kind: "sgd" }, replacesStatistics: true } as const;
      const own = testSamples(graph, microBatch, MIXED_CLASSES);
      const state = new WorkerState(folder);
      try {
        await withStagedWeights(still, weights, folder, async (weightsFolder) =>
          state.load({ graph: still, weightsFolder, training: setup }),
        );
        state.setSamples("s", own);
        const one = { ...RUN, steps: 1, learningRate: { kind: "constant", rate: 0 } } as const;
        await state.train(
          { samples: "s", run: one },
          () => undefined,
          () => false,
        );
        const statistics = { statisticsMomentum: 0, statisticsShare: statisticsShareAt(0, microBatch), ...form };
        const { weights: expected } = await runEngine({
          ...{ graph: still, weights, samples: own, config, steps: 1, learningRate: 0 },
          ...statistics,
        });
        assert.notDeepEqual(expected, weights);
        assert.deepEqual(state.session().read(), expected);
      } finally {
        state.close();
      }
    }));
}
