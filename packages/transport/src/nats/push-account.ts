import { MpoError } from "@mpo/core";
import type { NatsClaims } from "@mpo/identity";
import type { Abortable } from "@mpo/io";
import type { NatsLink } from "./nats-link.ts";

/** What nats-server answers to an update. */
interface UpdateAnswer {
  readonly data?: { readonly code?: number };
  readonly error?: { readonly description?: string };
}

const WHAT = "cannot push an account to NATS";

/**
 * Gives the servers the JWTs of the fleet's accounts: whoever is revoked in them is off at once, and stays off when a
 * server starts again. They take the place of all others, also of newer ones, so make them of all revocations that are
 * stored. `link`: as user "system".
 */
export async function pushAccount(
  link: NatsLink,
  { fleet, devices }: NatsClaims,
  options: Abortable = {},
): Promise<void> {
  for (const { jwt } of [fleet, devices]) await pushJwt(link, jwt, options);
}

export async function pushJwt(link: NatsLink, jwt: string, { signal }: Abortable): Promise<void> {
  const timeout = link.settings.requestTimeoutMs;
  const asking = link.connection.request("$SYS.REQ.CLAIMS.UPDATE", jwt, { timeout });
  const { data, error } = (await link.within(asking, signal, WHAT)).json<UpdateAnswer>();
  if (data?.code !== 200) throw new MpoError("precondition-failed", `${WHAT}: ${error?.description ?? "no reason"}`);
}
