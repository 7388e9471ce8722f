import { MpoError } from "@mpo/core";
import { type Invitation, readLoginString } from "@mpo/identity";
import { throwIfAborted } from "@mpo/io";
import type { Role } from "@mpo/protocol";
import { type FoundAuthority, findAuthority } from "@mpo/transport";
import type { Asking } from "../command-context.ts";
import { withAccess } from "../fleet/with-admin.ts";
import type { FleetContext } from "./contexts.ts";
import type { FleetAccess } from "./find-fleet.ts";

/** A fleet that lets somebody in: who that is there, and what is to be kept. */
export interface LoggedIn {
  readonly fleet: string;
  readonly name: string;
  readonly role: Role;
  readonly expiresAtMs?: number | undefined;
  readonly context: FleetContext;
}

/** Follows a login string: believes only a server that its digest vouches for. Throws `unauthenticated`, `unavailable`. */
export async function logIn(line: string, asking: Asking): Promise<LoggedIn> {
  const invitation = readLoginString(line);
  const { addresses, secret: token } = invitation;
  const { caPem, target: address } = await authorityOf(invitation, asking);
  const login = await letIn({ targets: [address], caPem, token, from: "the login string" }, asking);
  const coordinators = [address, ...addresses.filter((one) => one !== address)];
  return { ...login, context: { ...login.context, coordinators } };
}

/** What is to be kept of a fleet that takes a token. */
export async function letIn(access: FleetAccess & { readonly token: string }, asking: Asking): Promise<LoggedIn> {
  const { targets: coordinators, token } = access;
  return await withAccess(access, asking, async ({ admin, call }) => {
    const { tenant, ...who } = await admin.whoAmI({}, call);
    const { fleet, certificates } = await admin.getAuthority({}, call);
    // All that the fleet trusts: it is known also when another of them issues.
    const all = certificates.map(({ certificatePem }) => certificatePem).join("");
    return { fleet, ...who, context: { coordinators, caPem: all, token, ...(tenant === undefined ? {} : { tenant }) } };
  });
}

/** The authority's certificate, from the first coordinator that shows the right one. */
async function authorityOf({ addresses, caDigest }: Invitation, { signal, terminal }: Asking): Promise<FoundAuthority> {
  const say = (target: string, thrown: unknown): void => terminal.detail(`${target}: ${MpoError.from(thrown).message}`);
  try {
    return await findAuthority(addresses, caDigest, say, { signal });
  } catch (thrown) {
    throwIfAborted(signal);
    const error = MpoError.from(thrown);
    throw error.with({
      hint: error.hint ?? `See that a coordinator runs at ${addresses.join(" or ")}, and is reached from here.`,
    });
  }
}
