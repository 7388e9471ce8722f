import { accumulationFor, type Chain, type ChainOp, NOTHING_FROZEN, PROFILE_VERSION, type Profile } from "@mpo/core";

const NONE = { fixed: 0, perSample: 0 };

/** A chain of convolutions with a head: as small as a chain can be and still have something to choose. */
export function tinyChain(units: number = 6): Chain {
  const parameterBytes = (unit: number): number => 40_000 * (unit + 1);
  const valueBytes = (unit: number): number => 65_536 / 2 ** Math.min(4, unit);
  const op = (unit: number): ChainOp => ({
    id: unit,
    name: `op-${unit}`,
    kind: unit === units - 1 ? "dense" : "conv2d",
    unit,
    inputs: [unit],
    output: unit + 1,
    parameters: [unit],
    isAlias: false,
    forward: { workBytes: NONE, overwrites: [], flopsPerSample: 1e6 },
    backward: {
      passesThrough: false,
      isJoint: false,
      inputNeeds: { inputs: [], output: false, statistics: false },
      parameterNeeds: { inputs: [0], output: false, statistics: false },
      inputWorkBytes: NONE,
      parameterWorkBytes: NONE,
      overwritesGradient: false,
    },
  });
  const indexes = Array.from({ length: units }, (_, unit) => unit);
  return {
    model: "tiny",
    input: 0,
    output: units,
    values: [-1, ...indexes].map((unit, id) => ({
      id,
      name: `value-${id}`,
      bytes: { fixed: 0, perSample: valueBytes(id) },
      unit,
    })),
    parameters: indexes.map((unit) => ({
      id: unit,
      name: `weights-${unit}`,
      layer: `layer-${unit}`,
      layerClass: unit === units - 1 ? "linear" : "featureExtraction",
      bytes: parameterBytes(unit),
    })),
    ops: indexes.map(op),
    units: indexes.map((unit) => ({
      name: `unit-${unit}`,
      firstOp: unit,
      lastOp: unit,
      input: unit,
      output: unit + 1,
    })),
  };
}

/** What a device of a speed measures: unit times, two whole steps, and accuracy with little and with much frozen. */
export function tinyProfile(
  device: string,
  { speed = 1, chain = tinyChain() }: { readonly speed?: number; readonly chain?: Chain } = {},
): Profile {
  const effectiveBatch = 32;
  const unitMs = (microBatch: number): number => (0.2 + 0.05 * microBatch) / speed;
  const stepOf = (microBatch: number, peak: number) => ({
    config: {
      microBatch,
      accumulation: accumulationFor(effectiveBatch, microBatch),
      freezing: NOTHING_FROZEN,
      checkpoints: { kind: "none" } as const,
    },
    plannedBytes: peak,
    peakBytes: 1.1 * peak,
    stepMs: [3 * chain.units.length * unitMs(effectiveBatch), 3.1 * chain.units.length * unitMs(effectiveBatch)],
  });
  const curve = (rate: number, gain: number) => ({
    freezing: { featureExtraction: rate, normalisation: rate, linear: 0 },
    microBatch: 8,
    judge: "labels" as const,
    startAccuracy: 0.5,
    points: [5, 10, 20].map((steps) => ({ steps, accuracy: 0.5 + gain * (1 - Math.exp(-steps / 10)) })),
    judgedSamples: 500,
  });
  return {
    version: PROFILE_VERSION,
    model: {
      name: chain.model,
      graphDigest: "ab".repeat(32),
      unitCount: chain.units.length,
      parameterCount: 10_000,
      hasBatchStatistics: false,
    },
    device: { id: device, class: "board" },
    software: { engine: "0.1.0", library: "2.15.1" },
    method: { loss: "crossEntropy", optimizer: "sgd" },
    memoryFacts: { slotsPerParameter: 0, lossWorkBytesPerSample: 40 },
    effectiveBatch,
    idleBytes: 300_000_000,
    unitTimes: [4, 32].flatMap((microBatch) =>
      chain.units.map((_, unit) => ({
        unit,
        microBatch,
        forwardMs: [unitMs(microBatch)],
        backwardMs: [2 * unitMs(microBatch)],
      })),
    ),
    steps: [stepOf(4, 4_000_000), stepOf(32, 9_000_000)],
    updates: [],
    accuracy: [curve(0, 0.3), curve(0.8, 0.1)],
    spent: { ms: 1000, peakBytes: 9_000_000, configs: 2 },
    measuredAtMs: 1_700_000_000_000,
  };
}
