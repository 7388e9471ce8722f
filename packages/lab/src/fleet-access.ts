import { given } from "@mpo/core";
import { type LocalJoin, NATS_NAME, readAuthority, trustedCertificates } from "@mpo/identity";
import { type Abortable, systemClock } from "@mpo/io";
import {
  type AdminClient,
  createAdminClient,
  NatsLink,
  type NatsSettings,
  roleCredentials,
  steadyTls,
} from "@mpo/transport";

/** Where a coordinator keeps what a test program reads too, below its data folder. */
export const AUTHORITY_FOLDER = "authority";
export const LOCAL_JOIN_FILE = "local-join.json";

/** Asks a coordinator as the user of its machine does; `local` undefined: one where nobody proves anything. */
export function adminOf(targets: readonly string[], local: (() => LocalJoin) | undefined): AdminClient {
  if (local === undefined) return createAdminClient({ targets });
  const tls = steadyTls(() => ({ caPem: local().caPem }));
  return createAdminClient({ targets, tls, bearer: () => local().accessToken });
}

/** A link to the fleet's NATS with all rights, to look what is stored; `folder` undefined: NATS asks for no proof. */
export async function openStoreLink(
  server: string,
  folder: string | undefined,
  { signal, ...others }: Abortable & Partial<NatsSettings> = {},
): Promise<NatsLink> {
  const settings = { servers: [server], name: "lab", ...others };
  if (folder === undefined) return await NatsLink.open(settings, given({ signal }));
  const authority = await readAuthority(folder, { signal });
  const caPem = trustedCertificates(authority);
  const credentials = roleCredentials(authority.nats, "coordinator", systemClock);
  const tls = { caPem: () => caPem, serverName: NATS_NAME };
  return await NatsLink.open({ ...settings, credentials, tls }, given({ signal }));
}
