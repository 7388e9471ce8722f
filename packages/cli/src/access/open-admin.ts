import { type AdminClient, createAdminClient, steadyTls } from "@mpo/transport";
import type { FleetAccess } from "./find-fleet.ts";

/** A client for a fleet. It connects when the first call is made. */
export function openAdmin(
  { targets, caPem, token }: FleetAccess,
  retries: number,
  bearer: () => string | undefined = () => token,
): AdminClient {
  return createAdminClient({
    ...{ targets, retries, bearer },
    ...(caPem === undefined ? {} : { tls: steadyTls(() => ({ caPem })) }),
  });
}
