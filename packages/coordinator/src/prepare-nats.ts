import { type CertifiedKey, issueServerCertificate, NATS_NAME, trustedCertificates, validityOf } from "@mpo/identity";
import { type Abortable, systemClock } from "@mpo/io";
import { fleetClaims, type NatsSetup, natsSetup } from "@mpo/transport";
import { authorityIn } from "./identity/authority-folder.ts";

/** What servers of others need. The secrets are `serverPem` and `coordinatorCreds`. */
export interface PreparedNats extends NatsSetup {
  readonly fleet: string;
  /** Whether the fleet is new: the folder had no authority. */
  readonly isNew: boolean;
  /** A server's certificate with its key: the file that the configuration names. */
  readonly serverPem: string;
  /** When that and the credentials end. */
  readonly expiresAtMs: number;
}

/** As `config` names them; relative to where a server runs. */
export const NATS_FILES = { accountsFolder: "mpo-accounts", pairFile: "mpo-nats.pem" } as const;

/** Those who run servers put files there by hand: not every week. */
const VALID_MS = 400 * 86_400_000;

/** Prepares a cluster for the fleet whose authority lies in a folder; it is made there if there is none. */
export async function prepareNats(folder: string, { signal }: Abortable = {}): Promise<PreparedNats> {
  const { authority, isNew } = await authorityIn(folder, { clock: systemClock, signal });
  const { nats, fleetId, certificateAuthorities } = authority;
  const nowMs = systemClock.now();
  // Of the oldest, which every device believes.
  const issuer = certificateAuthorities.at(-1) as CertifiedKey;
  const { certificatePem, privateKeyPem } = await issueServerCertificate(issuer, {
    ...{ dnsNames: [NATS_NAME], nowMs, lifetimeMs: VALID_MS },
  });
  const { notAfterMs: expiresAtMs } = validityOf(certificatePem);
  const setup = natsSetup(nats, fleetClaims(nats, { fleetId, nowMs }), { ...NATS_FILES, nowMs, expiresAtMs });
  return {
    ...{ fleet: fleetId, isNew, expiresAtMs, config: setup.config },
    serverPem: `${certificatePem.trim()}\n${privateKeyPem.trim()}\n`,
    // With who vouches for the servers: a coordinator that is new needs no other file for its first connection.
    coordinatorCreds: `${setup.coordinatorCreds}\n${trustedCertificates(authority)}`,
  };
}
