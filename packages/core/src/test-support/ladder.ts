import type { Prediction, RetrainConfig } from "../facts/index.ts";

export function configOf(microBatch: number): RetrainConfig {
  return {
    microBatch,
    accumulation: 64 / microBatch,
    freezing: { featureExtraction: 1, normalisation: 0, linear: 1 },
    checkpoints: { kind: "none" },
  };
}

/** Rungs whose upper bounds of memory are `bytes`, cheapest first. */
export function ladder(...bytes: readonly number[]): readonly Prediction[] {
  return bytes.map((upper, index) => ({
    config: configOf(2 ** (index + 1)),
    memoryBytes: { expected: upper * 0.9, upper },
    stepMs: { expected: 100, upper: 120 },
    overheadMs: 0,
    stepsInWindow: 100,
    accuracy: {
      expected: 0.5 + index / 10,
      lower: 0.4 + index / 10,
      upper: 0.6 + index / 10,
      steps: 50,
      isGuess: false,
    },
    trainingMs: 5_000,
    unknowns: [],
  }));
}
