import { join } from "node:path";
import {
  type Agent,
  type AgentEngine,
  type AgentPorts,
  connectFleet,
  createAgent,
  type DeviceMonitor,
  type FleetLink,
  type FleetMember,
  fleetDoor,
  identityFiles,
  type Joining,
  joinFleet,
  memberLink,
  TrustedTime,
} from "@mpo/agent";
import { MemoryDisk } from "@mpo/agent/testing";
import { tinyChain } from "@mpo/coordinator/testing";
import { type Chain, GIB, given, MpoError } from "@mpo/core";
import type { Clock } from "@mpo/io";
import type { DeviceIdentity, ReportProfileRequest } from "@mpo/protocol";
import type { Logger } from "@mpo/runtime";
import { pretendCheck, pretendMonitor, pretendServing, pretendSettings } from "../../pretend-device.ts";
import { acknowledging } from "../../promises/compare-reports.ts";
import { pretendProfiles } from "../simulated-profile.ts";
import { deviceName, FLEET_MODEL, FLEET_TENANT, type FleetModel } from "./fleet-messages.ts";

/** What a simulated agent needs of its driver. */
export interface SimulatedAgentParts {
  readonly device: number;
  /** Default: the tiny model. */
  readonly served?: ServedChain;
  /** "host:port" of each. */
  readonly coordinators: readonly string[];
  /** Whether it cannot run what a rollout brings. */
  readonly isBroken?: boolean;
  /** How it gets into its fleet, and where it keeps what it has of it; absent: it is who it says. */
  readonly joining?: { readonly how: Joining; readonly folder: string } | undefined;
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
  /** Its probe lasts until this resolves. */
  readonly mayReport: () => Promise<void>;
  readonly onAcknowledged: (request: ReportProfileRequest) => void;
  readonly onApplied: (version: number) => void;
  /** Default: nothing is made of its calls. */
  readonly watchLink?: (link: FleetLink) => FleetLink;
  /** A call that was made at this time, by the monotonic clock, is answered. */
  readonly onAnswered: (madeMs: number) => void;
  readonly signal: AbortSignal;
}

export interface SimulatedAgent {
  readonly agent: Agent;
  /** Absent: it proves nothing. */
  readonly member: FleetMember | undefined;
  run(signal: AbortSignal): Promise<void>;
  close(): void;
}

const KINDS = 97;
/** As long as a worker takes to start, and to run a few steps. */
const CHECK_MS = 4_000;
/** Steps of a broken one take so much longer than their bound. */
const SLOWER = 10;
const CLASSES = ["board-2g", "board-4g", "board-8g", "board-16g"] as const;

/** What devices serve, and what one of a speed "measures" of it. */
export interface ServedChain {
  readonly chain: Chain;
  readonly profileOf: ReturnType<typeof pretendProfiles>;
}

/** One for all agents of a process. */
export async function servedChain(model: FleetModel): Promise<ServedChain> {
  return model === "tiny" ? TINY : servedOf(await realChain(model));
}

function servedOf(chain: Chain): ServedChain {
  return { chain, profileOf: pretendProfiles(chain) };
}

const TINY: ServedChain = servedOf(tinyChain());

/** The engine is loaded where it is wanted: thousands of agents in a process need the memory. */
async function realChain(model: Exclude<FleetModel, "tiny">): Promise<Chain> {
  const { buildModel, chainOf } = await import("@mpo/engine");
  return chainOf(buildModel({ model, norm: "batch", inputShape: [32, 32, 3], classes: 10 }));
}

/**
 * The product's agent core on the real wire, with a gRPC channel, a NATS connection and, where devices prove who they are,
 * a key and certificates of its own. Simulated are its machine: the disk is memory, the sensors are constants, no program
 * serves, and a probe measures nothing but reports a made-up profile.
 */
export async function simulatedAgent(parts: SimulatedAgentParts): Promise<SimulatedAgent> {
  const { device, coordinators, clock, random, logger, watchLink = (all) => all } = parts;
  const identity = { tenant: FLEET_TENANT, device: deviceName(device) };
  const settings = pretendSettings(
    identity,
    // A probe here is a wait: nothing to watch. Nor does the machine change, and thousands of agents share a processor.
    { watchMs: 60_000, tickMs: 60_000 },
  );
  const common = { clock, random, logger };
  const disk = new MemoryDisk();
  const monitor = monitorOf(device, clock);
  const time = await TrustedTime.open({ disk, clock, logger }, []);
  const member = await memberOf(parts, { identity, time, monitor });
  const connection = await connectFleet({ identity, coordinators, member, ...common });
  const link = watchLink(connection.link);
  const proven = watched(member === undefined ? link : memberLink(link, member, () => time.nowMs()), parts);
  const ports: AgentPorts = {
    ...common,
    ...{ disk, time, monitor },
    ...given({ verify: member?.verify }),
    link: acknowledging(proven, parts.onAcknowledged),
    connectFeed: connection.connectFeed,
    engine: engineOf(device, parts),
    serving: pretendServing(FLEET_MODEL),
  };
  const agent = await createAgent(settings, ports);
  const run = async (signal: AbortSignal): Promise<void> => {
    await Promise.all([agent.run({ signal }), member?.run(signal)]);
  };
  return { agent, member, run, close: () => connection.close() };
}

async function memberOf(
  { joining, device, clock, random, logger, signal }: SimulatedAgentParts,
  { identity, time, monitor }: { identity: DeviceIdentity; time: TrustedTime; monitor: DeviceMonitor },
): Promise<FleetMember | undefined> {
  if (joining === undefined) return undefined;
  const common = { clock, random, logger };
  const who = { wish: identity, labels: [], inventory: await monitor.inventory() };
  const files = identityFiles(join(joining.folder, deviceName(device)));
  return await joinFleet({ ...common, ...who, joining: joining.how, files, time, door: fleetDoor(common) }, signal);
}

/** Says what is answered, and of the agent's configuration as soon as the agent reports it. */
function watched(link: FleetLink, { clock, onApplied, onAnswered }: SimulatedAgentParts): FleetLink {
  return {
    ...link,
    hello: async (request, options) => {
      const madeMs = clock.monotonicMs();
      const answer = await link.hello(request, options);
      onAnswered(madeMs);
      return answer;
    },
    heartbeat: async (request, options) => {
      const madeMs = clock.monotonicMs();
      const answer = await link.heartbeat(request, options);
      onAnswered(madeMs);
      return answer;
    },
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

function engineOf(device: number, parts: SimulatedAgentParts): AgentEngine {
  const { clock, mayReport, isBroken = false, served = TINY } = parts;
  const { chain, profileOf } = served;
  return {
    probe: async (job) => {
      await mayReport();
      // Some hundred different machines: devices of one kind share what was measured.
      const kind = device % KINDS;
      const profile = profileOf({ device: job.device, speed: 0.5 + kind / KINDS, seed: kind });
      const model = { ...profile.model, name: job.model };
      return { profile: { ...profile, model, measuredAtMs: clock.now() }, chain };
    },
    check: async (job, { signal }) => {
      await clock.sleep(CHECK_MS, { signal });
      return pretendCheck(isBroken ? { ...job, stepMs: SLOWER * job.stepMs } : job, chain);
    },
    retrain: async () => {
      throw new MpoError("internal", "a simulated device has nothing to retrain");
    },
  };
}
