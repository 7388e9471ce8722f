import { MAX_MS, MpoError, USUAL_ADDRESSES } from "@mpo/core";
import { CERTIFICATE_LIFETIME_MS } from "@mpo/identity";
import { isLoopback } from "@mpo/io";
import { requireSafeUrl } from "./identity/issuer-keys.ts";
import type { OidcSettings } from "./identity/oidc.ts";
import { DEFAULT_PROBE_POLICY, type ProbePolicy } from "./probes/probe-orders.ts";
import { type BudgetPolicy, DEFAULT_BUDGET_POLICY } from "./search/device-budget.ts";

export interface ListenAddress {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
}

/** How a coordinator runs. */
export interface ResolvedSettings {
  /** Name of this coordinator; no two that share a store may have the same. Default: a random one. */
  readonly name: string;
  /** For agents and the command line. */
  readonly grpc: ListenAddress;
  /** For the console, the API as JSON, `/metrics`, `/healthz` and `/readyz`. */
  readonly http: ListenAddress;
  /** Whether it answers more there than `/metrics`, `/healthz` and `/readyz`. */
  readonly console: boolean;
  /** Where people reach the console through a proxy. Default: where it listens. */
  readonly consoleUrl?: string;
  /** Nobody proves who they are, and everything crosses in clear text: on loopback, for development. */
  readonly insecure: boolean;
  /** Hosts by which others reach it, for the lines with which they join. Default, an empty list: where it listens. */
  readonly advertise: readonly string[];
  /** How long certificates are good, milliseconds. */
  readonly certificateValidMs: number;
  /** What agents are to connect to, "nats://127.0.0.1:4222". Default, an empty list: what the coordinator uses. */
  readonly natsServers: readonly string[];
  /** In a small fleet; thousands are asked less often (`heartbeatSecondsOf`). */
  readonly heartbeatSeconds: number;
  /** What one device, or one program, may ask in the long run; four times as much at once. */
  readonly callsPerSecond: number;
  readonly budget: BudgetPolicy;
  readonly probes: ProbePolicy;
  /** Devices that must agree before the fleet believes a number. */
  readonly quorum: number;
  /** How long another coordinator's claim of a search is respected, milliseconds. */
  readonly leaseMs: number;
  /** How long a document may be applied for the first time, milliseconds. */
  readonly documentValidMs: number;
  /** Devices that were not heard of for so long leave the fleet, milliseconds. Default: none ever does. */
  readonly retireAfterMs?: number;
  /** Hosts ("HOST" or "HOST:PORT") that gates and hooks of rollouts may ask. Default, an empty list: none. */
  readonly allowedHooks: readonly string[];
  /** Whose tokens people may use in addition to the fleet's own. Default: nobody's. */
  readonly oidc?: OidcSettings;
}

/** Settings as they are given: what is absent takes its default. */
export type CoordinatorSettings = Partial<Omit<ResolvedSettings, Group>> & {
  readonly [Name in Group]?: Partial<ResolvedSettings[Name]>;
};
type Group = "grpc" | "http" | "budget" | "probes";

const DEFAULTS: Omit<ResolvedSettings, "name"> = {
  ...USUAL_ADDRESSES,
  insecure: false,
  console: true,
  advertise: [],
  certificateValidMs: CERTIFICATE_LIFETIME_MS,
  natsServers: [],
  heartbeatSeconds: 30,
  callsPerSecond: 50,
  budget: DEFAULT_BUDGET_POLICY,
  probes: DEFAULT_PROBE_POLICY,
  quorum: 5,
  leaseMs: 15_000,
  documentValidMs: 30 * 86_400_000,
  allowedHooks: [],
};

/** Fills in defaults and checks. Throws `invalid-argument`; `precondition-failed` for an address that must not be bound insecurely. */
export function resolveSettings(settings: CoordinatorSettings, newId: () => string): ResolvedSettings {
  const grpc = { ...DEFAULTS.grpc, ...settings.grpc };
  const http = { ...DEFAULTS.http, ...settings.http };
  const budget = { ...DEFAULTS.budget, ...settings.budget };
  const probes = { ...DEFAULTS.probes, ...settings.probes };
  const resolved = { ...DEFAULTS, name: `coordinator-${newId()}`, ...settings, grpc, http, budget, probes };
  checkNumber("heartbeatSeconds", resolved.heartbeatSeconds, 1, 86_400);
  checkNumber("callsPerSecond", resolved.callsPerSecond, 1, 1_000_000);
  checkNumber("budget.memoryShare", budget.memoryShare, 0.01, 1);
  checkNumber("budget.windowMs", budget.windowMs, 1, MAX_MS);
  checkNumber("probes.shareWaitMs", probes.shareWaitMs, 1000, 86_400_000);
  checkNumber("probes.maxProbeMs", probes.maxProbeMs, 1, 86_400_000);
  checkNumber("quorum", resolved.quorum, 2, 1000);
  checkNumber("leaseMs", resolved.leaseMs, 100, 3_600_000);
  checkNumber("documentValidMs", resolved.documentValidMs, 1000, 400 * 86_400_000);
  if (resolved.retireAfterMs !== undefined) checkNumber("retireAfterMs", resolved.retireAfterMs, 3_600_000, MAX_MS);
  if (resolved.oidc !== undefined) requireOidc(resolved.oidc, resolved);
  if (resolved.consoleUrl !== undefined) requireConsoleUrl(resolved.consoleUrl);
  checkNumber("certificateValidMs", resolved.certificateValidMs, 10_000, 400 * 86_400_000);
  if (resolved.insecure) for (const { host } of [grpc, http]) requireLoopback(host);
  return resolved;
}

function requireOidc({ issuer }: OidcSettings, { insecure }: Pick<ResolvedSettings, "insecure">): void {
  requireSafeUrl(issuer);
  if (!insecure) return;
  throw new MpoError("invalid-argument", "with --insecure nobody logs in, at an OpenID provider neither");
}

function requireConsoleUrl(url: string): void {
  requireSafeUrl(url);
  if (new URL(url).href === `${new URL(url).origin}/`) return;
  throw new MpoError("invalid-argument", `the console's URL ${url} has more than a host and a port`, {
    hint: "It is served at the root of its host: https://fleet.example.org",
  });
}

/** Throws `precondition-failed` for an address that others can reach. */
export function requireLoopback(host: string): void {
  if (isLoopback(host)) return;
  throw new MpoError(
    "precondition-failed",
    `${host} can be reached by others, and with --insecure anybody may control the fleet`,
    {
      hint: "Leave --insecure out: devices and people then prove who they are. It is for development on one machine.",
    },
  );
}

function checkNumber(name: string, value: number, least: number, most: number): void {
  if (value >= least && value <= most) return;
  throw new MpoError("invalid-argument", `${name} is ${value}; expected a number from ${least} to ${most}`);
}
