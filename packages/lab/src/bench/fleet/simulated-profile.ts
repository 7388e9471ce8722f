import { accumulationFor, type Chain, type ChainOp, NOTHING_FROZEN, PROFILE_VERSION, type Profile } from "@mpo/core";

/** Units of the simulated model: convolutions and a head. */
const UNITS = 6;
const EFFECTIVE_BATCH = 32;
const NONE = { fixed: 0, perSample: 0 };
const MIB = 2 ** 20;

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

/** What a simulated device of a speed "measures": made up, of the form and size of a real profile. */
export function simulatedProfile(device: { readonly id: string; readonly class: string }, speed: number): Profile {
  const unitMs = (microBatch: number): number => (0.2 + 0.05 * microBatch) / speed;
  const units = Array.from({ length: UNITS }, (_, unit) => unit);
  const step = (microBatch: number, plannedPeakBytes: number) => ({
    config: {
      microBatch,
      accumulation: accumulationFor(EFFECTIVE_BATCH, microBatch),
      freezing: NOTHING_FROZEN,
      checkpoints: { kind: "none" } as const,
    },
    plannedPeakBytes,
    measuredPeakBytes: 1.1 * plannedPeakBytes,
    msPerStep: [3, 3.1].map((factor) => factor * UNITS * unitMs(EFFECTIVE_BATCH)),
  });
  const curve = (rate: number, gain: number) => ({
    freezing: { featureExtraction: rate, normalisation: rate, linear: 0 },
    ...{ microBatch: 8, judge: "label-free" as const, startAccuracy: 0.5, judgedSamples: 500 },
    points: [5, 10, 20].map((steps) => ({ steps, accuracy: 0.5 + gain * (1 - Math.exp(-steps / 10)) })),
  });
  return {
    version: PROFILE_VERSION,
    model: {
      name: "simulated",
      digest: "ab".repeat(32),
      unitCount: UNITS,
      parameterCount: 10_000,
      hasBatchStatistics: false,
    },
    device,
    software: { engine: "0.1.0", library: "none" },
    method: { loss: "crossEntropy", optimizer: "sgd" },
    memoryFacts: { slotsPerParameter: 0, lossWorkBytesPerSample: 40 },
    effectiveBatch: EFFECTIVE_BATCH,
    idleBytes: 300 * MIB,
    unitTimes: [4, 32].flatMap((microBatch) =>
      units.map((unit) => ({
        ...{ unit, microBatch },
        forwardMs: [unitMs(microBatch)],
        backwardMs: [2 * unitMs(microBatch)],
      })),
    ),
    steps: [step(4, 4 * MIB), step(32, 9 * MIB)],
    updates: [],
    accuracy: [curve(0, 0.3), curve(0.8, 0.1)],
    spent: { ms: 1000, peakBytes: 9 * MIB, configs: 2 },
    measuredAtMs: 0,
  };
}
