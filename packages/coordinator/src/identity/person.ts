import { MpoError } from "@mpo/core";
import { ROLES, type Role } from "@mpo/protocol";

/** A person or program that has proven who it is. */
export interface Person {
  /** As the audit has it. */
  readonly name: string;
  readonly role: Role;
  /** Absent: of all tenants. */
  readonly tenant?: string | undefined;
  /** Until when the proof is good; absent: without an end. */
  readonly expiresAtMs?: number | undefined;
  /** Digest of the fleet's own token that has proven it; absent: something else has. */
  readonly token?: string | undefined;
  /** Throws `unauthenticated` when the proof is not good any more. */
  readonly requireGood?: () => void;
}

/** What a call needs: a role, for one tenant or for the whole fleet. */
export interface Need {
  readonly role: Role;
  /** Absent: it is about the whole fleet. */
  readonly tenant?: string | undefined;
}

/** Who may do everything: where nobody proves who they are. */
export const ANYBODY: Person = { name: "admin", role: "admin" };

/** Throws `permission-denied`, which says what would be needed. */
export function requireRole(person: Person, need: Need, what: string): void {
  const hasRole = ROLES.indexOf(person.role) >= ROLES.indexOf(need.role);
  const isOfTenant = person.tenant === undefined || person.tenant === need.tenant;
  if (hasRole && isOfTenant) return;
  const scope = need.tenant === undefined ? "the whole fleet" : `tenant ${need.tenant}`;
  const whole = person.tenant === undefined ? "all tenants" : `tenant ${person.tenant}`;
  throw new MpoError(
    "permission-denied",
    `${person.name} is ${person.role} of ${whole}; ${what} needs ${need.role} of ${scope}`,
    { hint: "Ask an admin for a token with that role: mpo access create." },
  );
}
