/** Start message of a driver's process: which simulated agents it runs. */
export interface DriverPlan {
  /** "host:port" of each coordinator. */
  readonly coordinators: readonly string[];
  /** Every so many-th device cannot run what a rollout brings: its checks find it too slow. Absent: all can. */
  readonly brokenEvery?: number | undefined;
  /** What its agents join with, and where they keep what they get; absent: nobody proves who they are. */
  readonly identities?: FleetIdentities | undefined;
  /** What they serve: its plans cost the searches. */
  readonly model: FleetModel;
  /** Devices are named by their number. */
  readonly first: number;
  readonly count: number;
  /** Agents that are started in a second. */
  readonly startsPerSecond: number;
  readonly seed: number;
}

/** A chain of six units, or a real model's. */
export const FLEET_MODELS = ["tiny", "resnet20"] as const;
export type FleetModel = (typeof FLEET_MODELS)[number];

export interface FleetIdentities {
  /** What the coordinator has left for devices of its machine. */
  readonly localJoinFile: string;
  readonly folder: string;
}

/**
 * Later messages. "report": every agent's probe ends now, and all of them report. "reconnect": from now on it is counted
 * who has reached a coordinator; each time by another number.
 */
export type ToDriver = { readonly kind: "report" } | { readonly kind: "reconnect"; readonly round: number };

/** A document that an agent runs by; milliseconds since 1970-01-01 UTC. */
export interface AppliedDocument {
  readonly device: number;
  readonly version: number;
  readonly atMs: number;
}

/** A profile of which the coordinator has said that it is stored. */
export interface AcknowledgedReport {
  readonly device: number;
  readonly report: string;
  /** When it was measured, by the device's clock: never the same for two. */
  readonly measuredAtMs: number;
  readonly atMs: number;
}

/** What a driver reports from time to time. */
export interface FromDriver {
  /** Agents that are enrolled, online and connected to NATS. */
  readonly joined: number;
  /** Agents to which a coordinator has answered a call that was made after the "reconnect" of this round. */
  readonly reconnected: number;
  readonly round: number;
  readonly applied: readonly AppliedDocument[];
  readonly acknowledged: readonly AcknowledgedReport[];
  /** What went wrong and was tried again, as the agents' logs have it: how often each. */
  readonly warnings: Readonly<Record<string, number>>;
}

/** Start message of the coordinator's process. */
export interface CoordinatorPlan {
  readonly folder: string;
  readonly grpcPort: number;
  readonly callsPerSecond: number;
  readonly insecure: boolean;
  readonly name?: string;
  /** A cluster of others; absent: it starts a nats-server of its own. */
  readonly cluster?: { readonly servers: readonly string[]; readonly monitorUrls: readonly string[] };
  /** Where it writes what it logs; absent: to standard error. */
  readonly logFile?: string;
  readonly certificateValidMs?: number;
  readonly heartbeatSeconds?: number;
}

/** What the coordinator's process reports once, when it listens. */
export interface CoordinatorReady {
  readonly grpc: string;
  readonly natsUrl: string;
  readonly natsPid: number;
}

/** The bench asks its coordinator's process how long it stood still since it was asked before. */
export interface AskPauses {
  readonly kind: "pauses";
}

/** How late its event loop was: at worst, and in all but one in a hundred looks. */
export interface CoordinatorPauses {
  readonly longestMs: number;
  readonly p99Ms: number;
}

export function deviceName(device: number): string {
  return `sim-${device}`;
}

export const FLEET_TENANT = "default";
export const FLEET_MODEL = "camera";
