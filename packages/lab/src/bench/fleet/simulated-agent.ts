import {
  type Agent,
  type AgentEngine,
  type AgentPorts,
  type AgentSettings,
  createAgent,
  DEFAULT_AGENT_SETTINGS,
  type DeviceMonitor,
  type FleetConnection,
  type FleetLink,
  type ServingApp,
} from "@mpo/agent";
import { MemoryDisk } from "@mpo/agent/testing";
import { type Chain, GIB, MpoError } from "@mpo/core";
import type { Clock } from "@mpo/io";
import type { Logger } from "@mpo/runtime";
import { acknowledging } from "../../promises/compare-reports.ts";
import { deviceName, FLEET_MODEL, FLEET_TENANT } from "./fleet-messages.ts";
import { simulatedChain, simulatedProfile } from "./simulated-chain.ts";

/** What a simulated agent needs of its driver. */
export interface SimulatedAgentParts {
  readonly device: number;
  /** Real: a gRPC channel and a NATS connection of its own. */
  readonly connection: FleetConnection;
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
  /** Its probe lasts until this resolves. */
  readonly mayReport: () => Promise<void>;
  readonly onAcknowledged: (report: string) => void;
  readonly onApplied: (version: number) => void;
}

const CLASSES = ["board-2g", "board-4g", "board-8g", "board-16g"] as const;
const CHAIN: Chain = simulatedChain();
const MODEL_DIGEST = "cd".repeat(32);

/**
 * The product's agent core on the real wire. Simulated are its machine: the disk is memory, the sensors are constants,
 * no program serves, and a probe measures nothing but reports a made-up profile.
 */
export function simulatedAgent(parts: SimulatedAgentParts): Promise<Agent> {
  const { device, connection, clock, random, logger } = parts;
  const settings: AgentSettings = {
    ...DEFAULT_AGENT_SETTINGS,
    identity: { tenant: FLEET_TENANT, device: deviceName(device) },
    agentVersion: "0.1.0",
    engineVersion: "0.1.0",
    // A probe here is a wait: nothing to watch. Nor does the machine change, and thousands of agents share a processor.
    watchMs: 60_000,
    tickMs: 60_000,
  };
  const ports: AgentPorts = {
    ...{ clock, random, logger },
    disk: new MemoryDisk(),
    link: acknowledging(applying(connection.link, parts), ({ report }) => parts.onAcknowledged(report)),
    connectFeed: connection.connectFeed,
    monitor: monitorOf(device, clock),
    engine: engineOf(device, parts),
    serving: SERVING,
  };
  return createAgent(settings, ports);
}

/** Tells what the agent runs by, as soon as the agent says so. */
function applying(link: FleetLink, { onApplied }: SimulatedAgentParts): FleetLink {
  return {
    ...link,
    reportStatus: (request, options) => {
      const { status } = request;
      if (status.kind === "document" && status.document.state === "applied") onApplied(status.document.version.version);
      return link.reportStatus(request, options);
    },
  };
}

function monitorOf(device: number, clock: Clock): DeviceMonitor {
  const index = device % CLASSES.length;
  const memoryBytes = 2 ** (index + 1) * GIB;
  return {
    inventory: async () => ({
      ...{ deviceClass: CLASSES[index] ?? "board", board: "simulated", cpuModel: "simulated", cpuCores: 4 },
      ...{ memoryBytes, swapBytes: 0, gpus: [], os: "simulated", kernel: "", architecture: "arm64" },
      ...{ agentVersion: "0.1.0", nodeVersion: process.version },
    }),
    resources: async () => ({
      measuredAtMs: clock.now(),
      memoryAvailableBytes: 0.6 * memoryBytes,
      diskFreeBytes: 10 * GIB,
      loadAverage: 0.1,
      isThrottled: false,
    }),
  };
}

function engineOf(device: number, { clock, mayReport }: SimulatedAgentParts): AgentEngine {
  return {
    probe: async (job) => {
      await mayReport();
      const profile = simulatedProfile({ device: job.device, speed: 0.5 + (device % 97) / 97, seed: device });
      const model = { ...profile.model, name: job.model };
      return { profile: { ...profile, model, measuredAtMs: clock.now() }, chain: CHAIN };
    },
    retrain: async () => {
      throw new MpoError("internal", "a simulated device has nothing to retrain");
    },
  };
}

const SERVING: ServingApp = {
  models: async () => [{ name: FLEET_MODEL, manifestDigest: MODEL_DIGEST }],
  inputsAfter: async (_, cursor) => ({ summaries: [], cursor }),
  trainingFiles: async () => ({ files: [], count: 0 }),
  folders: async () => ({ source: "source", serving: "source", staging: "staged" }),
  publish: async () => undefined,
};
