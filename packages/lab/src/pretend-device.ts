import {
  type AgentSettings,
  type CheckJob,
  type CheckResult,
  DEFAULT_AGENT_SETTINGS,
  type DeviceMonitor,
  type ServingApp,
} from "@mpo/agent";
import { type Chain, GIB } from "@mpo/core";
import type { DeviceIdentity, Inventory } from "@mpo/protocol";

/** What agents have in common where all of their machine is made up: these settings, and others too. */
export function pretendSettings(identity: DeviceIdentity, others: Partial<AgentSettings>): AgentSettings {
  const versions = { agentVersion: "0.1.0", engineVersion: "0.1.0" };
  // As made-up profiles have it.
  return { ...DEFAULT_AGENT_SETTINGS, ...versions, methods: ["crossEntropy"], identity, ...others };
}

/** A machine with nothing else on it. */
export function pretendMonitor(
  machine: Partial<Inventory>,
  look: () => { readonly measuredAtMs: number; readonly memoryAvailableBytes: number },
): DeviceMonitor {
  const inventory: Inventory = {
    ...{ deviceClass: "board", board: "simulated", cpuModel: "simulated", cpuCores: 4 },
    ...{ memoryBytes: GIB, swapBytes: 0, gpus: [], os: "simulated", kernel: "", architecture: "arm64" },
    ...{ agentVersion: "0.1.0", nodeVersion: process.version },
    ...machine,
  };
  return {
    inventory: async () => inventory,
    resources: async () => ({ ...look(), diskFreeBytes: 10 * GIB, loadAverage: 0.1, isThrottled: false }),
  };
}

/** A program that serves one model, and has nothing to train on. */
export function pretendServing(model: string): ServingApp {
  return {
    models: async () => [{ name: model, manifestDigest: "cd".repeat(32) }],
    inputsAfter: async (_, cursor) => ({ summaries: [], cursor }),
    trainingFiles: async () => ({ files: [], count: 0 }),
    passedOver: () => [],
    crowds: () => [],
    requireWritable: async () => undefined,
    folders: async () => ({ source: "source", serving: "source", staging: "staged" }),
    publish: async () => undefined,
  };
}

/** What every profile that is made up says it is of. */
export const PRETEND_GRAPH: string = "ab".repeat(32);

/** What a check finds where a step takes what was predicted. */
export function pretendCheck({ config, stepMs, memoryBytes }: CheckJob, chain: Chain): CheckResult {
  const bytes = Math.min(1_000_000, memoryBytes);
  const measured = { config, plannedBytes: bytes, peakBytes: bytes, stepMs: [stepMs, stepMs] };
  return { measured, idleBytes: 300_000_000, graphDigest: PRETEND_GRAPH, chain };
}
