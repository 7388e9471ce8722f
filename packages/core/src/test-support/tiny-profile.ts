import type { Chain } from "../facts/chain.ts";
import { PROFILE_VERSION, type Profile } from "../facts/profile.ts";

/** A profile of a chain without any measurement; tests add what they need. */
export function emptyProfile(chain: Chain, changes: Partial<Profile> = {}): Profile {
  return {
    version: PROFILE_VERSION,
    model: {
      name: chain.model,
      graphDigest: "d1".repeat(32),
      unitCount: chain.units.length,
      parameterCount: chain.parameters.reduce((sum, { bytes }) => sum + bytes / 4, 0),
      hasBatchStatistics: chain.ops.some(({ kind }) => kind === "batchNorm"),
    },
    device: { id: "device-1", class: "test" },
    software: { engine: "0.1.0", library: "2.15.1" },
    method: { loss: "cross-entropy", optimizer: "sgd" },
    memoryFacts: { slotsPerParameter: 0, lossWorkBytesPerSample: 40 },
    effectiveBatch: 256,
    idleBytes: 300_000_000,
    unitTimes: [],
    steps: [],
    updates: [],
    accuracy: [],
    spent: { ms: 1000, peakBytes: 1_000_000, configs: 1 },
    measuredAtMs: 1_700_000_000_000,
    ...changes,
  };
}
