import { MIB } from "@mpo/core";
import type { RolloutDevice, RolloutView } from "@mpo/protocol";

/** A rollout of three waves of which the second has failed, at 1,000,000 ms. */
export function anyRollout(more: Partial<RolloutView> = {}): RolloutView {
  const spec = {
    name: "canary",
    description: "Less memory",
    model: "camera",
    change: { rule: { memory: "100MiB" } },
    waves: [
      { where: "label.canary = yes", approval: "manual" },
      { percent: "25%", dwell: "10min" },
    ],
    gates: [{ name: "memory", metric: "memory-over-bound", success: "<= 5%" }],
  };
  const gate = {
    name: "memory",
    measurements: [
      { atMs: 990_000, value: 0.125, verdict: "failure", sample: 8, message: "expected <= 0.05" } as const,
    ],
    taken: 1,
    failures: 1,
    inconclusives: 0,
    successesInRow: 0,
    verdict: "failure",
    nextAtMs: 0,
  } as const;
  return {
    tenant: "default",
    name: "canary",
    spec: JSON.stringify(spec),
    phase: "halted",
    sinceMs: 940_000,
    reason: "wave 2 failed: gate memory",
    waitsFor: "wave 2 failed: gate memory; retry what failed, go on with next, or roll back",
    wave: 1,
    waves: [
      {
        state: "passed",
        sinceMs: 400_000,
        startedAtMs: 100_000,
        approvedBy: "anna",
        devices: 2,
        counts: [{ state: "confirmed", devices: 2 }],
        gates: [],
      },
      {
        state: "failed",
        sinceMs: 940_000,
        startedAtMs: 400_000,
        devices: 8,
        counts: [
          { state: "confirmed", devices: 6 },
          { state: "failed", devices: 1 },
          { state: "offline", devices: 1 },
        ],
        gates: [gate],
      },
      { state: "waiting", sinceMs: 0, devices: 30, counts: [{ state: "pending", devices: 30 }], gates: [] },
    ],
    devices: 40,
    counts: [
      { state: "pending", devices: 30 },
      { state: "offline", devices: 1 },
      { state: "confirmed", devices: 8 },
      { state: "failed", devices: 1 },
    ],
    control: 4,
    plannedBy: "anna",
    plannedAtMs: 50_000,
    startedAtMs: 100_000,
    distribution: [
      { config: "micro-batch 8 of 256", devices: 30, memoryBytes: 90 * MIB, stepMs: 1_200, accuracy: 0.81 },
      { config: "micro-batch 4 of 256", devices: 10, memoryBytes: 60 * MIB, stepMs: 2_400, accuracy: 0.79 },
    ],
    leftOut: [
      { device: "pi-7", cause: "does-not-fit", message: "the least takes 120 MiB" },
      { device: "pi-8", cause: "no-profile", message: "it was never measured" },
      { device: "pi-9", cause: "control", message: "it stays as it is" },
    ],
    leftOutCount: 3,
    forecast: {
      expectedMs: 3_600_000,
      waveEndsMs: [600_000, 1_800_000, 3_600_000],
      peakDevices: 12,
      slowest: [{ device: "pi-1", ms: 300_000, message: "its check takes long" }],
      assumptions: ["devices that are away stay away"],
    },
    ...more,
  };
}

export function anyRolloutDevice(more: Partial<RolloutDevice> = {}): RolloutDevice {
  return {
    device: "pi-1",
    wave: 1,
    state: "failed",
    sinceMs: 940_000,
    attempts: 1,
    given: { epoch: 1, version: 5 },
    before: { epoch: 1, version: 4 },
    message: "over its memory bound",
    config: "micro-batch 8 of 256",
    memoryBytes: 90 * MIB,
    stepMs: 1_200,
    accuracy: 0.81,
    ...more,
  };
}
