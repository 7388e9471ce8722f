import { MpoError } from "@mpo/core";
import { type Invitation, readLoginString, vouchedAuthority } from "@mpo/identity";
import { fetchChain } from "@mpo/transport";
import type { Asking } from "../command-context.ts";
import { withAccess } from "../fleet/with-admin.ts";
import type { FleetContext } from "./contexts.ts";

/** A fleet that lets somebody in: who that is there, and what is to be kept. */
export interface LoggedIn {
  readonly fleet: string;
  readonly name: string;
  readonly role: string;
  readonly expiresAtMs?: number | undefined;
  readonly context: FleetContext;
}

/** Follows a login string: believes only a server that its digest vouches for. Throws `unauthenticated`, `unavailable`. */
export async function logIn(line: string, asking: Asking): Promise<LoggedIn> {
  const invitation = readLoginString(line);
  const { addresses: coordinators, secret: token } = invitation;
  const caPem = await authorityOf(invitation, asking);
  const access = { targets: coordinators, caPem, token, from: "the login string" };
  return await withAccess(access, asking, async ({ admin, call }) => {
    const { tenant, ...who } = await admin.whoAmI({}, call);
    const { fleet, certificates } = await admin.getAuthority({}, call);
    // All that the fleet trusts: it is known also when another of them issues.
    const all = certificates.map(({ certificatePem }) => certificatePem).join("");
    return { fleet, ...who, context: { coordinators, caPem: all, token, ...(tenant === undefined ? {} : { tenant }) } };
  });
}

/** The authority's certificate, from the first coordinator that answers. */
async function authorityOf({ addresses, caDigest }: Invitation, { signal, terminal }: Asking): Promise<string> {
  const failures: string[] = [];
  for (const address of addresses) {
    let chain: string;
    try {
      chain = await fetchChain(address, { signal });
    } catch (thrown) {
      if (signal.aborted) throw thrown;
      const { message } = MpoError.from(thrown);
      terminal.detail(message);
      failures.push(message);
      continue;
    }
    return vouchedAuthority(chain, caDigest);
  }
  throw new MpoError("unavailable", `no coordinator answers: ${failures.join("; ")}`, {
    hint: "See that one runs, and that this machine reaches it.",
  });
}
