import { type ChannelOptions, Client, compressionAlgorithms, connectivityState, credentials } from "@grpc/grpc-js";
import { MpoError } from "@mpo/core";
import { type Clock, systemClock } from "@mpo/io";
import { isTransient, type Logger, silentLogger } from "@mpo/runtime";
import { type ProxyInUse, proxyFor } from "./proxy.ts";

export interface GrpcChannelOptions {
  /** "host:port". */
  readonly target: string;
  /** Longest answer that is read. */
  readonly maxReceiveBytes: number;
  /**
   * How long a channel may stay in CONNECTING before it is rebuilt: default 20 s, and twice as long each time until one
   * has been ready, up to eight times.
   */
  readonly stuckMs?: number;
  /** For large messages now and then: they are compressed, and the connection ends soon after them. Default false. */
  readonly isForLarge?: boolean;
  readonly logger?: Logger;
  /** Default: the system's clock. */
  readonly clock?: Clock;
}

const OPTIONS: ChannelOptions = {
  // Finds a dead peer while nothing is sent; without it only a deadline does (grpc-node #2710). Rare and patient: a
  // coordinator answers for thousands, and one that is late is not dead.
  "grpc.keepalive_time_ms": 60_000,
  "grpc.keepalive_timeout_ms": 30_000,
  "grpc.keepalive_permit_without_calls": 1,
  "grpc.initial_reconnect_backoff_ms": 500,
  "grpc.max_reconnect_backoff_ms": 30_000,
  // Calls are repeated by us, with our codes.
  "grpc.enable_retries": 0,
  "grpc.service_config_disable_resolution": 1,
  // A rebuilt channel must not get the stuck connection of the old one from the process-wide pool.
  "grpc.use_local_subchannel_pool": 1,
};

const FOR_LARGE: ChannelOptions = {
  "grpc.default_compression_algorithm": compressionAlgorithms.gzip,
  // A device's second connection: open only while it is used.
  "grpc.client_idle_timeout_ms": 30_000,
  // Over a slow link the answer waits for what is being sent: deadlines detect a dead peer here.
  "grpc.keepalive_timeout_ms": 300_000,
};

/**
 * Times `stuckMs`, at most, that a channel may take. A coordinator that thousands come back to at once takes long to let
 * them in; beginning again every 20 s they would never get there.
 */
const MOST_PATIENCE = 8;

/**
 * A connection that comes back. grpc-js waits forever in CONNECTING when the peer accepts the connection but never
 * speaks HTTP/2 (grpc-node #2785), so a channel that stays there is closed and rebuilt.
 */
export class GrpcChannel {
  readonly #options: GrpcChannelOptions;
  readonly #proxy: ProxyInUse | undefined;
  readonly #ends = new AbortController();
  #client: Client;
  #rebuilds = 0;

  constructor(options: GrpcChannelOptions) {
    const { target } = options;
    if (target.includes("%")) {
      // grpc-js (1.14.7, transport.ts) connects, fails to write this as a URL, and leaves the socket open.
      throw new MpoError("invalid-argument", `${target} names a zone; IPv6 zones are not supported`);
    }
    this.#options = options;
    this.#proxy = proxyFor(target);
    this.#client = makeClient(options, this.#proxy);
    void this.#watch();
  }

  /** The current client. Get it again for every call. Throws `unavailable` after `close`. */
  get client(): Client {
    if (this.#ends.signal.aborted) throw new MpoError("unavailable", "the connection is closed");
    return this.#client;
  }

  /** How often the channel was stuck and rebuilt. */
  get rebuilds(): number {
    return this.#rebuilds;
  }

  /** A failure of a call; where a proxy may be to blame, it is named. */
  explained(thrown: unknown): unknown {
    if (this.#proxy === undefined || !isTransient(thrown)) return thrown;
    const { variable, address } = this.#proxy;
    const error = MpoError.from(thrown);
    return error.with({
      message: `${error.message} (through the proxy ${address} from ${variable})`,
      hint: `If ${this.#options.target} can be reached without it, add its host to no_proxy, or unset ${variable}.`,
    });
  }

  close(): void {
    this.#ends.abort();
    closeClient(this.#client);
  }

  async #watch(): Promise<void> {
    const { stuckMs = 20_000, clock = systemClock, logger = silentLogger, target } = this.#options;
    const { signal } = this.#ends;
    const everyMs = stuckMs / 4;
    let patience = 1;
    let connectingSinceMs: number | undefined;
    while (!signal.aborted) {
      await clock.sleep(everyMs, { signal }).catch(() => undefined);
      if (signal.aborted) return;
      const nowMs = clock.monotonicMs();
      const state = this.#client.getChannel().getConnectivityState(false);
      if (state === connectivityState.READY) patience = 1;
      connectingSinceMs = state === connectivityState.CONNECTING ? (connectingSinceMs ?? nowMs - everyMs) : undefined;
      const limitMs = stuckMs * patience;
      if (connectingSinceMs === undefined || nowMs - connectingSinceMs < limitMs - everyMs / 2) continue;
      logger.warn("the connection is stuck; rebuilding it", { target, stuckMs: limitMs });
      connectingSinceMs = undefined;
      patience = Math.min(MOST_PATIENCE, 2 * patience);
      this.#rebuilds++;
      const stuck = this.#client;
      this.#client = makeClient(this.#options, this.#proxy);
      closeClient(stuck);
    }
  }
}

function makeClient(
  { target, maxReceiveBytes, isForLarge = false }: GrpcChannelOptions,
  proxy: ProxyInUse | undefined,
): Client {
  return new Client(target, credentials.createInsecure(), {
    ...OPTIONS,
    ...(isForLarge ? FOR_LARGE : {}),
    "grpc.enable_http_proxy": proxy === undefined ? 0 : 1,
    "grpc.max_receive_message_length": maxReceiveBytes,
  });
}

/**
 * Closes a client for good. One that is closed while it waits to connect again connects all the same (grpc-js 1.14.7,
 * subchannel.ts: `continueConnecting`), and that connection would stay, and hold the process: it is closed when it is there.
 */
function closeClient(client: Client): void {
  const channel = client.getChannel();
  const { TRANSIENT_FAILURE } = connectivityState;
  if (channel.getConnectivityState(false) !== TRANSIENT_FAILURE) client.close();
  else
    channel.watchConnectivityState(TRANSIENT_FAILURE, Number.POSITIVE_INFINITY, () =>
      setImmediate(() => client.close()),
    );
}
