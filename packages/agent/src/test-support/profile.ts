import { type Chain, PROFILE_VERSION, type Profile } from "@mpo/core";
import { buildModel, chainOf } from "@mpo/engine";
import { DEVICE_CLASS, IDENTITY } from "./documents.ts";

const GRAPH_DIGEST = "cd".repeat(32);

/** The chain of a real model. */
export const CHAIN: Chain = chainOf(
  buildModel({ model: "resnet20", inputShape: [16, 16, 3], classes: 4, norm: "group" }),
);

/** A small profile of a model with that chain. */
export function profileOf(model: string, measuredAtMs: number): Profile {
  return {
    version: PROFILE_VERSION,
    model: {
      name: model,
      graphDigest: GRAPH_DIGEST,
      unitCount: CHAIN.units.length,
      parameterCount: 10,
      hasBatchStatistics: false,
    },
    device: { id: IDENTITY.device, class: DEVICE_CLASS },
    software: { engine: "0.1.0", library: "2.15.1" },
    method: { loss: "crossEntropy", optimizer: "adam" },
    memoryFacts: { slotsPerParameter: 2, lossWorkBytesPerSample: 40 },
    effectiveBatch: 64,
    idleBytes: 100,
    unitTimes: [{ unit: 0, microBatch: 4, forwardMs: [1], backwardMs: [2] }],
    steps: [],
    updates: [],
    accuracy: [],
    spent: { ms: 1_000, peakBytes: 500, configs: 0 },
    measuredAtMs,
  };
}
