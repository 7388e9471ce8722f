import { MAX_MS, MpoError } from "@mpo/core";
import { isLoopback } from "@mpo/transport";
import { DEFAULT_PROBE_POLICY, type ProbePolicy } from "./probes/probe-orders.ts";
import { type BudgetPolicy, DEFAULT_BUDGET_POLICY } from "./search/device-budget.ts";

/** Where a listener binds. */
export interface ListenAddress {
  /** Default "127.0.0.1". */
  readonly host?: string;
  /** 0: any free one. */
  readonly port: number;
}

/** Everything that proves who is who, in one place. Empty until devices and people have identities. */
export type Credentials = Readonly<Record<never, never>>;

/** How a coordinator runs. Absent fields take the defaults that they document. */
export interface CoordinatorSettings {
  /** Name of this coordinator; no two that share a store may have the same. Default: a random one. */
  readonly name?: string;
  /** For agents and the command line. Default: port 7443 on loopback. */
  readonly grpc?: ListenAddress;
  /** For `/metrics`, `/healthz`, `/readyz`. Default: port 9464 on loopback. */
  readonly http?: ListenAddress;
  /** Allow addresses beyond loopback although nobody is authenticated. Default false. */
  readonly insecure?: boolean;
  readonly credentials?: Credentials;
  /** What agents are told to connect to, "nats://127.0.0.1:4222". */
  readonly natsServers?: readonly string[];
  /** Default 30; a fleet of thousands is told more (`heartbeatSecondsOf`). */
  readonly heartbeatSeconds?: number;
  /** What one device, or one program, may ask in the long run; four times as much at once. Default 50. */
  readonly callsPerSecond?: number;
  readonly budget?: Partial<BudgetPolicy>;
  readonly probes?: Partial<ProbePolicy>;
  /** Devices that must agree before the fleet believes a number. Default 5. */
  readonly quorum?: number;
  /** Folder of models and weights files, each named by its SHA-256; absent: none is served. */
  readonly artifactFolder?: string;
  /** How long another coordinator's claim of a search is respected, milliseconds. Default 15 s. */
  readonly leaseMs?: number;
  /** How long a document may be applied for the first time, milliseconds. Default 30 days. */
  readonly documentValidMs?: number;
}

/** Settings with all defaults filled in. */
export interface ResolvedSettings {
  readonly name: string;
  readonly grpc: Required<ListenAddress>;
  readonly http: Required<ListenAddress>;
  readonly insecure: boolean;
  readonly credentials: Credentials;
  readonly natsServers: readonly string[];
  readonly heartbeatSeconds: number;
  readonly callsPerSecond: number;
  readonly budget: BudgetPolicy;
  readonly probes: ProbePolicy;
  readonly quorum: number;
  readonly artifactFolder: string | undefined;
  readonly leaseMs: number;
  readonly documentValidMs: number;
}

export const DEFAULT_GRPC_PORT = 7443;
export const DEFAULT_HTTP_PORT = 9464;
const LOOPBACK = "127.0.0.1";

/** Fills in defaults and checks. Throws `invalid-argument`; `precondition-failed` for an address that must not be bound. */
export function resolveSettings(settings: CoordinatorSettings, newId: () => string): ResolvedSettings {
  const insecure = settings.insecure ?? false;
  const resolved: ResolvedSettings = {
    name: settings.name ?? `coordinator-${newId()}`,
    grpc: { host: LOOPBACK, port: DEFAULT_GRPC_PORT, ...settings.grpc },
    http: { host: LOOPBACK, port: DEFAULT_HTTP_PORT, ...settings.http },
    insecure,
    credentials: settings.credentials ?? {},
    natsServers: settings.natsServers ?? [],
    heartbeatSeconds: settings.heartbeatSeconds ?? 30,
    callsPerSecond: settings.callsPerSecond ?? 50,
    budget: { ...DEFAULT_BUDGET_POLICY, ...settings.budget },
    probes: { ...DEFAULT_PROBE_POLICY, ...settings.probes },
    quorum: settings.quorum ?? 5,
    artifactFolder: settings.artifactFolder,
    leaseMs: settings.leaseMs ?? 15_000,
    documentValidMs: settings.documentValidMs ?? 30 * 86_400_000,
  };
  const { budget, probes } = resolved;
  checkNumber("heartbeatSeconds", resolved.heartbeatSeconds, 1, 86_400);
  checkNumber("callsPerSecond", resolved.callsPerSecond, 1, 1_000_000);
  checkNumber("budget.memoryShare", budget.memoryShare, 0.01, 1);
  checkNumber("budget.windowMs", budget.windowMs, 1, MAX_MS);
  checkNumber("probes.maxProbeMs", probes.maxProbeMs, 1, 86_400_000);
  checkNumber("quorum", resolved.quorum, 2, 1000);
  checkNumber("leaseMs", resolved.leaseMs, 100, 3_600_000);
  checkNumber("documentValidMs", resolved.documentValidMs, 1000, 400 * 86_400_000);
  if (!insecure) for (const { host } of [resolved.grpc, resolved.http]) requireLoopback(host);
  return resolved;
}

/** Throws `precondition-failed` for an address that others can reach. */
export function requireLoopback(host: string): void {
  if (isLoopback(host)) return;
  throw new MpoError("precondition-failed", `${host} can be reached by others, and nobody is authenticated yet`, {
    hint: "Bind to 127.0.0.1, or give --insecure if everybody who can reach this address may control the fleet.",
  });
}

function checkNumber(name: string, value: number, least: number, most: number): void {
  if (value >= least && value <= most) return;
  throw new MpoError("invalid-argument", `${name} is ${value}; expected a number from ${least} to ${most}`);
}
