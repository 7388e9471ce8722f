import type { Abortable } from "@mpo/io";
import { type AdminClient, createAdminClient } from "@mpo/transport";
import type { Files } from "../command-context.ts";
import { addressWith } from "../options/address-options.ts";
import { type FleetAccess, findFleet } from "./find-fleet.ts";

/** A client for a fleet. It connects when the first call is made. */
export function openAdmin(
  { targets, caPem, token }: FleetAccess,
  retries: number,
  bearer: () => string | undefined = () => token,
): AdminClient {
  return createAdminClient({
    ...{ targets, retries, bearer },
    ...(caPem === undefined ? {} : { tls: { current: () => ({ caPem }), onChange: () => () => undefined } }),
  });
}

/** A client for the coordinator of this user at a "host:port" of this machine: by what it has left there. */
export async function openLocalAdmin(
  target: string,
  files: Pick<Files, "environment">,
  options?: Abortable,
): Promise<AdminClient> {
  const coordinator = [addressWith(0, 1)(target)];
  return openAdmin(await findFleet({ coordinator, insecure: false }, files, options), 3);
}
