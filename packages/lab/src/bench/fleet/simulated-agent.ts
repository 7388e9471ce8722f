import {
  type Agent,
  type AgentEngine,
  type AgentPorts,
  createAgent,
  type DeviceMonitor,
  type FleetConnection,
  type FleetLink,
} from "@mpo/agent";
import { MemoryDisk } from "@mpo/agent/testing";
import { tinyChain } from "@mpo/coordinator/testing";
import { type Chain, GIB, MpoError } from "@mpo/core";
import type { Clock } from "@mpo/io";
import type { Logger } from "@mpo/runtime";
import { pretendMonitor, pretendServing, pretendSettings } from "../../pretend-device.ts";
import { acknowledging } from "../../promises/compare-reports.ts";
import { simulatedProfiles } from "../simulated-profile.ts";
import { deviceName, FLEET_MODEL, FLEET_TENANT } from "./fleet-messages.ts";

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
const CHAIN: Chain = tinyChain();
/** What a simulated device of a speed "measures" of it. */
const profileOf = simulatedProfiles(CHAIN, {
  model: {
    ...{ name: CHAIN.model, graphDigest: "ab".repeat(32), hasBatchStatistics: false },
    ...{ unitCount: CHAIN.units.length, parameterCount: 10_000 },
  },
  method: { loss: "crossEntropy", optimizer: "sgd" },
  memoryFacts: { slotsPerParameter: 0, lossWorkBytesPerSample: 40 },
  effectiveBatch: 32,
});

/**
 * The product's agent core on the real wire. Simulated are its machine: the disk is memory, the sensors are constants,
 * no program serves, and a probe measures nothing but reports a made-up profile.
 */
export function simulatedAgent(parts: SimulatedAgentParts): Promise<Agent> {
  const { device, connection, clock, random, logger } = parts;
  const settings = pretendSettings(
    { tenant: FLEET_TENANT, device: deviceName(device) },
    // A probe here is a wait: nothing to watch. Nor does the machine change, and thousands of agents share a processor.
    { watchMs: 60_000, tickMs: 60_000 },
  );
  const ports: AgentPorts = {
    ...{ clock, random, logger },
    disk: new MemoryDisk(),
    link: acknowledging(applying(connection.link, parts), ({ report }) => parts.onAcknowledged(report)),
    connectFeed: connection.connectFeed,
    monitor: monitorOf(device, clock),
    engine: engineOf(device, parts),
    serving: pretendServing(FLEET_MODEL),
  };
  return createAgent(settings, ports);
}

/** Reports the agent's configuration as soon as the agent reports it. */
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
  return pretendMonitor({ deviceClass: CLASSES[index] ?? "board", memoryBytes }, () => {
    return { measuredAtMs: clock.now(), memoryAvailableBytes: 0.6 * memoryBytes };
  });
}

function engineOf(device: number, { clock, mayReport }: SimulatedAgentParts): AgentEngine {
  return {
    probe: async (job) => {
      await mayReport();
      const profile = profileOf({ device: job.device, speed: 0.5 + (device % 97) / 97, seed: device });
      const model = { ...profile.model, name: job.model };
      return { profile: { ...profile, model, measuredAtMs: clock.now() }, chain: CHAIN };
    },
    retrain: async () => {
      throw new MpoError("internal", "a simulated device has nothing to retrain");
    },
  };
}
