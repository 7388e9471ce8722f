import { MpoError } from "@mpo/core";
import type { NatsClaims } from "@mpo/identity";
import type { Abortable } from "@mpo/io";
import type { NatsLink } from "./nats-link.ts";

/** What nats-server answers to an update. */
interface UpdateAnswer {
  readonly data?: { readonly code?: number };
  readonly error?: { readonly description?: string };
}

const WHAT = "cannot push the devices' account to NATS";

/**
 * Gives the servers the JWT of the devices' account: whoever is revoked in it is off at once, and stays off when a server
 * starts again. It takes the place of any other, also of a newer one, so make it of all revocations that are stored.
 * `link`: as user "system".
 */
export async function pushAccount(link: NatsLink, claims: NatsClaims, { signal }: Abortable = {}): Promise<void> {
  const timeout = link.settings.requestTimeoutMs;
  const asking = link.connection.request("$SYS.REQ.CLAIMS.UPDATE", claims.devices.jwt, { timeout });
  const { data, error } = (await link.within(asking, signal, WHAT)).json<UpdateAnswer>();
  if (data?.code !== 200) throw new MpoError("precondition-failed", `${WHAT}: ${error?.description ?? "no reason"}`);
}
