import type { Chain, ChainOp } from "@mpo/core";
import { simulatedProfiles } from "../simulated-profile.ts";

/** Units of the simulated model: convolutions and a head. */
const UNITS = 6;
const EFFECTIVE_BATCH = 32;
const NONE = { fixed: 0, perSample: 0 };

/** The chain of the model that every simulated device serves. */
export function simulatedChain(): Chain {
  const units = Array.from({ length: UNITS }, (_, unit) => unit);
  return {
    model: "simulated",
    input: 0,
    output: UNITS,
    values: [-1, ...units].map((unit, id) => ({
      ...{ id, unit, name: `value-${id}` },
      bytes: { fixed: 0, perSample: 65_536 / 2 ** Math.min(4, id) },
    })),
    parameters: units.map((unit) => ({
      ...{ id: unit, name: `weights-${unit}`, layer: `layer-${unit}`, bytes: 40_000 * (unit + 1) },
      layerClass: unit === UNITS - 1 ? "linear" : "featureExtraction",
    })),
    ops: units.map(operation),
    units: units.map((unit) => ({ name: `unit-${unit}`, firstOp: unit, lastOp: unit, input: unit, output: unit + 1 })),
  };
}

function operation(unit: number): ChainOp {
  return {
    ...{ id: unit, name: `op-${unit}`, kind: unit === UNITS - 1 ? "dense" : "conv2d", unit },
    ...{ inputs: [unit], output: unit + 1, parameters: [unit], isAlias: false },
    forward: { workBytes: NONE, overwrites: [], flopsPerSample: 1e6 },
    backward: {
      ...{ passesThrough: false, isJoint: false, overwritesGradient: false },
      inputNeeds: { inputs: [], output: false, statistics: false },
      parameterNeeds: { inputs: [0], output: false, statistics: false },
      inputWorkBytes: NONE,
      parameterWorkBytes: NONE,
    },
  };
}

/** What a simulated device of a speed "measures" of it. */
export const simulatedProfile: ReturnType<typeof simulatedProfiles> = simulatedProfiles(simulatedChain(), {
  model: {
    name: "simulated",
    graphDigest: "ab".repeat(32),
    unitCount: UNITS,
    parameterCount: 10_000,
    hasBatchStatistics: false,
  },
  method: { loss: "crossEntropy", optimizer: "sgd" },
  memoryFacts: { slotsPerParameter: 0, lossWorkBytesPerSample: 40 },
  effectiveBatch: EFFECTIVE_BATCH,
});
