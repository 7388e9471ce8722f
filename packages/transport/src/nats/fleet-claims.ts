import {
  type ClaimsOptions,
  type NatsAuthority,
  type NatsClaims,
  type NatsRole,
  natsClaims,
  roleSeed,
  roleUserJwt,
} from "@mpo/identity";
import type { Clock } from "@mpo/io";
import { BUCKETS } from "../store/fleet-layout.ts";
import type { NatsCredentials } from "./nats-settings.ts";

const INBOXES = "_INBOX";
/** The coordinator's and the system's own; whoever makes them can make new ones at every connection. */
const ROLE_LIFETIME_MS = 86_400_000;

/** Where the answers to a device come in. A device's key has three parts, so that no prefix of one is another's. */
export function deviceInbox(key: string): string {
  return `${INBOXES}.${key}`;
}

/** What NATS servers must know of a fleet. */
export function fleetClaims(authority: NatsAuthority, options: Omit<ClaimsOptions, "subjects">): NatsClaims {
  const { desired } = BUCKETS;
  const documents = `$JS.API.DIRECT.GET.KV_${desired}.$KV.${desired}`;
  return natsClaims(authority, { ...options, subjects: { documents, pushes: "dn", inboxes: INBOXES } });
}

/** How the fleet's own processes prove themselves: with a JWT made for each connection. */
export function roleCredentials(authority: NatsAuthority, role: NatsRole, clock: Clock): NatsCredentials {
  return {
    kind: "jwt",
    seed: roleSeed(authority, role),
    jwt: () => {
      const nowMs = clock.now();
      return roleUserJwt(authority, role, { nowMs, expiresAtMs: nowMs + ROLE_LIFETIME_MS });
    },
  };
}
