import { type RetrainConfig, resolveRetrainConfig } from "@mpo/core";
import { GraphBuilder } from "../model/graph-builder.ts";
import type { Model } from "../model/model-graph.ts";
import { initialWeights } from "../model/variables.ts";
import type { TrainingRun, TrainingSetup } from "../training/task.ts";
import { type TestSamples, testSamples } from "./engine-run.ts";

const CLASSES = 10;

/** So small that a worker loads and trains it at once. */
export function smallModel(): Model {
  const g = new GraphBuilder("small", [8, 8, 2]);
  const conv = g.conv2d(g.input, { filters: 8, kernelSize: 3 }, "conv");
  const relu = g.activation(g.batchNorm(conv, { epsilon: 1e-3, momentum: 0.9 }, "norm"), "relu", "relu");
  const graph = g.build(g.dense(g.globalAvgPool(relu, "pool"), CLASSES, "logits"));
  return { graph, weights: initialWeights(graph, 1) };
}

export function smallSamples(count: number): TestSamples {
  return testSamples(smallModel().graph, count, CLASSES);
}

/** Cross-entropy by SGD. */
export function setupOf(config: Partial<RetrainConfig>): TrainingSetup {
  return { config: resolveRetrainConfig(config), loss: "crossEntropy", optimizer: { kind: "sgd" } };
}

export function runOfSteps(steps: number): TrainingRun {
  return {
    steps,
    learningRate: { kind: "constant", rate: 0.01 },
    seed: 1,
    shuffle: false,
    augmentation: "none",
  };
}
