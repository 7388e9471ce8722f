import { randomUUID } from "node:crypto";
import { join } from "node:path";
import type { NatsClaims } from "@mpo/identity";
import { writeFileAtomic } from "@mpo/io";
import { connectionsWithin, readOpenFiles } from "@mpo/runtime";
import type { TlsSource } from "../../grpc/tls-source.ts";
import { pidFile } from "./embedded-record.ts";
import { accountOf, NO_ACCOUNT } from "./stream-folders.ts";

const MAX_PAYLOAD_BYTES = 2 ** 20;
/** No limit: the streams' own reservations follow the disk. By itself the server would refuse to reserve over 75 % of it. */
const MAX_STORE_BYTES = 2 ** 50;
/** A whole fleet that connects at once waits for its handshakes; the default is 2 s. */
const HANDSHAKE_TIMEOUT_S = 10;

/** Who may connect to a server, and how it proves itself. Without it, everybody may, in clear text. */
export interface ServerIdentities {
  /** Asked for at every start. Without revocations: what was pushed before counts, not these. */
  readonly claims: () => NatsClaims;
  readonly tls: TlsSource;
}

/** Who is let in. */
export interface Access {
  /** Absent: everybody who reaches it may do everything, in clear text. */
  readonly identities?: ServerIdentities | undefined;
  /** Let nobody in, and leave the streams to the account that has them: for a look at the store by the monitoring port. */
  readonly isSealed?: boolean | undefined;
}

/** Whose streams a server serves. */
export async function accountFor({
  folder,
  identities,
  isSealed,
}: Access & { readonly folder: string }): Promise<string> {
  if (isSealed === true) return (await accountOf(folder)) ?? NO_ACCOUNT;
  return identities?.claims().fleet.id ?? NO_ACCOUNT;
}

interface Configuration extends Access {
  readonly folder: string;
  readonly serverName: string;
  readonly host: string;
  /** 0: a free one. */
  readonly port: number;
  /** Whose streams it serves. */
  readonly account: string;
}

/** Writes what a server reads at its start. Returns the configuration's path. */
export async function writeConfiguration(configuration: Configuration): Promise<string> {
  const { folder, identities } = configuration;
  if (identities !== undefined) await writePair(folder, identities.tls);
  const config = join(folder, "nats-server.conf");
  await writeFileAtomic(config, textOf(configuration, await maxClients()));
  return config;
}

/** The certificate and its key are one file, so that no server ever reads two that do not belong together. */
export async function writePair(folder: string, tls: TlsSource): Promise<void> {
  const { certificatePem, privateKeyPem } = tls.current();
  await writeFileAtomic(pairFile(folder), `${certificatePem.trim()}\n${privateKeyPem.trim()}\n`);
}

/** What a server must read to trust a fleet's operator, and to keep its accounts in a folder. */
export function trustText(claims: NatsClaims, accountsFolder: string): string {
  const { operator, fleet, devices, system } = claims;
  const preloaded = [system, fleet, devices].map(({ id, jwt }) => `  ${id}: ${jwt}\n`).join("");
  return `operator: ${operator}
system_account: ${system.id}
resolver { type: full, dir: ${quoted(accountsFolder)}, allow_delete: false, interval: "2m" }
resolver_preload {
${preloaded}}
`;
}

function pairFile(folder: string): string {
  return join(folder, "nats-server.pem");
}

/** Its own default, or what leaves it descriptors for its store: without them it would lose more than a connection. */
async function maxClients(): Promise<number> {
  const { limit } = (await readOpenFiles()) ?? { limit: Number.POSITIVE_INFINITY };
  return Math.min(65_536, connectionsWithin({ limit, open: 0 }));
}

/** NATS' own port for "any free one" is -1. */
function textOf({ folder, serverName, host, port, ...access }: Configuration, clients: number): string {
  return `# Written at every start; changes are lost.
server_name: ${quoted(serverName)}
host: ${quoted(host)}
port: ${port === 0 ? -1 : port}
http: "127.0.0.1:-1"
pid_file: ${quoted(pidFile(folder))}
ports_file_dir: ${quoted(folder)}
max_payload: ${MAX_PAYLOAD_BYTES}
max_connections: ${clients}
jetstream {
  store_dir: ${quoted(folder)}
  sync_interval: always
  max_memory_store: 67108864
  max_file_store: ${MAX_STORE_BYTES}
}
${accessText(folder, access)}`;
}

function accessText(
  folder: string,
  { identities, isSealed, account }: Access & Pick<Configuration, "account">,
): string {
  if (isSealed === true) {
    const user = `user: nobody, password: ${quoted(randomUUID())}`;
    if (account === NO_ACCOUNT) return `authorization { ${user} }\n`;
    return `accounts { ${account}: { jetstream: enabled, users: [{ ${user} }] } }\n`;
  }
  if (identities === undefined) return "";
  return `${trustText(identities.claims(), join(folder, "accounts"))}${tlsText(pairFile(folder))}`;
}

/** TLS from the first byte, by a certificate and its key in one file. */
export function tlsText(pairFile: string): string {
  const pair = quoted(pairFile);
  return `tls {
  cert_file: ${pair}
  key_file: ${pair}
  handshake_first: true
  min_version: "1.3"
  timeout: ${HANDSHAKE_TIMEOUT_S}
}
`;
}

function quoted(text: string): string {
  return JSON.stringify(text);
}
