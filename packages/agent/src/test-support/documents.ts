import type { Prediction, RetrainConfig } from "@mpo/core";
import { type DesiredDocument, type DeviceIdentity, desiredDocumentCodec, desiredEnvelopeCodec } from "@mpo/protocol";

export const IDENTITY: DeviceIdentity = { tenant: "acme", device: "camera-1" };
export const DEVICE_CLASS = "test-1g";
export const MODEL_DIGEST: string = "ab".repeat(32);
export const DAY_MS = 86_400_000;
/** A day in 2026, when all tests begin. */
export const START_MS = 1_780_000_000_000;

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

/** A document of version `version` in epoch 1. */
export function documentOf(version: number, changes: Partial<DesiredDocument> = {}): DesiredDocument {
  const rungs = changes.rungs ?? ladder(100, 200, 300);
  return {
    ...IDENTITY,
    deviceClass: DEVICE_CLASS,
    version: { epoch: 1, version },
    issuedAtMs: START_MS + version,
    expiresAtMs: START_MS + 30 * DAY_MS,
    model: "resnet",
    manifestDigest: MODEL_DIGEST,
    objective: "accuracy",
    budget: { memoryBytes: 1_000, windowMs: 60_000 },
    rungs,
    chosenRung: rungs.length - 1,
    reasons: [],
    request: `test-${version}`,
    budgetSource: "policy",
    ...changes,
  };
}

export function envelopeOf(document: DesiredDocument): Uint8Array {
  return desiredEnvelopeCodec.toBytes({ document: desiredDocumentCodec.toBytes(document), signatures: [] });
}
