/** Start message of a driver's process: which simulated agents it runs. */
export interface DriverPlan {
  /** "host:port" of the coordinator. */
  readonly coordinator: string;
  /** Devices are named by their number. */
  readonly first: number;
  readonly count: number;
  /** Agents that are started in a second. */
  readonly startsPerSecond: number;
  readonly seed: number;
}

/** Later message: every agent's probe ends now, and all of them report. */
export interface ToDriver {
  readonly kind: "report";
}

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
  readonly atMs: number;
}

/** What a driver reports from time to time. */
export interface FromDriver {
  /** Agents that are enrolled, online and connected to NATS. */
  readonly joined: number;
  readonly applied: readonly AppliedDocument[];
  readonly acknowledged: readonly AcknowledgedReport[];
  /** What went wrong and was tried again, as the agents' logs have it: how often each. */
  readonly warnings: Readonly<Record<string, number>>;
}

/** What the coordinator's process reports once, when it listens. */
export interface CoordinatorReady {
  readonly grpc: string;
  readonly natsUrl: string;
  readonly natsPid: number;
}

export function deviceName(device: number): string {
  return `sim-${device}`;
}

export const FLEET_TENANT = "bench";
export const FLEET_MODEL = "camera";
