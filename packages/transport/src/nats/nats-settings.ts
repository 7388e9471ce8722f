/** How a process proves who it is to NATS. Held in memory only; never logged. */
export type NatsCredentials =
  | { readonly kind: "none" }
  | { readonly kind: "password"; readonly user: string; readonly password: string }
  /** Content of a `.creds` file: user JWT and nkey seed. Asked for at every connection, so that it can be renewed. */
  | { readonly kind: "creds"; readonly read: () => string }
  /** Asked for at every connection: the server ends one whose JWT expires, and the next has the renewed one. */
  | { readonly kind: "jwt"; readonly jwt: () => string; readonly seed: string };

/** TLS from the first byte: a server that speaks in clear text first is not spoken to. */
export interface NatsTls {
  /** Who vouches for the servers. Asked for at every connection. */
  readonly caPem: () => string;
  /** The name in the servers' certificates, whatever address is dialled. */
  readonly serverName: string;
}

/** Everything about a connection to NATS, in one place. */
export interface NatsSettings {
  /** `nats://host:port` or `tls://host:port`; any of one cluster. */
  readonly servers: readonly string[];
  /** Who we are in the server's lists: "coordinator", "agent pi-4". */
  readonly name: string;
  /** Default `none`. */
  readonly credentials?: NatsCredentials;
  /** Default: none, as the servers are on this machine. */
  readonly tls?: NatsTls | undefined;
  /** Prefix of reply subjects; a separate one for each device, so that permissions can name it. Default `_INBOX`. */
  readonly inboxPrefix?: string;
  /** Longest wait before the second attempt to connect again, milliseconds. Default 500. */
  readonly reconnectBaseMs?: number;
  /** No wait is longer than this; agents take minutes, so that a fleet comes back spread out. Default 30 s. */
  readonly reconnectCapMs?: number;
  /** How long to wait for an answer. Default 5 s. */
  readonly requestTimeoutMs?: number;
  /**
   * A server that leaves two pings, so far apart, unanswered is left: one whose machine is gone ends no connection. Default
   * 20 s: a fleet's pings are many, and devices hear of their documents by heartbeats too.
   */
  readonly pingMs?: number;
  /** At start: whether to wait for a server that is not there yet (agents), or to fail (coordinators). Default false. */
  readonly waitsForServer?: boolean;
}

/** Settings with every default in place. */
export type ResolvedNatsSettings = Required<NatsSettings>;

export function resolveNatsSettings(settings: NatsSettings): ResolvedNatsSettings {
  return {
    credentials: { kind: "none" },
    tls: undefined,
    inboxPrefix: "_INBOX",
    reconnectBaseMs: 500,
    reconnectCapMs: 30_000,
    requestTimeoutMs: 5_000,
    pingMs: 20_000,
    waitsForServer: false,
    ...settings,
  };
}
