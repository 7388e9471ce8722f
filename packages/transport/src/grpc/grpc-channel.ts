import { setMaxListeners } from "node:events";
import { createSecureContext } from "node:tls";
import { type ChannelOptions, Client, compressionAlgorithms, connectivityState, credentials } from "@grpc/grpc-js";
import { MpoError } from "@mpo/core";
import { COORDINATOR_NAME } from "@mpo/identity";
import { type Clock, hostOf, isLoopback, systemClock } from "@mpo/io";
import { isTransient, type Logger, silentLogger } from "@mpo/runtime";
import { proxyFor } from "./proxy.ts";
import { spreadFrom } from "./spread-addresses.ts";
import { tlsFailure } from "./tls-failure.ts";
import { contextOptions, type TlsIdentity, type TlsSource, type TlsTrust } from "./tls-source.ts";

export interface GrpcChannelOptions {
  /** One to eight, each "host:port", of one fleet: where one cannot be reached, calls go to the next. */
  readonly targets: readonly string[];
  /** Which of a target's addresses is tried first, where it is a name with several: from 0 up to 1. Default 0. */
  readonly at?: number;
  /** Without it everything crosses in plaintext. A certificate of its own only where the client has one. */
  readonly tls?: TlsSource<TlsTrust & Partial<TlsIdentity>>;
  /** Token that goes with every call; over TLS, or to this machine. */
  readonly bearer?: () => string | undefined;
  /** Longest answer that is read. */
  readonly maxReceiveBytes: number;
  /**
   * How long a channel may stay in CONNECTING before it is rebuilt: default 20 s (2 s where there are other targets), and
   * twice as long each time until one has been ready, up to eight times.
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
  // Without a policy, only calls that no handler has seen: those that met the end of a connection. We repeat the others.
  "grpc.enable_retries": 1,
  "grpc.service_config_disable_resolution": 1,
  // A rebuilt channel must not get the stuck connection of the old one from the process-wide pool.
  "grpc.use_local_subchannel_pool": 1,
};

/** The name in every coordinator's certificate is checked, whatever address is dialled. */
const BY_NAME: ChannelOptions = {
  "grpc.ssl_target_name_override": COORDINATOR_NAME,
  "grpc.default_authority": COORDINATOR_NAME,
};

const FOR_LARGE: ChannelOptions = {
  "grpc.default_compression_algorithm": compressionAlgorithms.gzip,
  // A device's second connection: open only while it is used.
  "grpc.client_idle_timeout_ms": 30_000,
  // Over a slow link the answer waits for what is being sent: deadlines detect a dead peer here.
  "grpc.keepalive_timeout_ms": 300_000,
};

const STUCK_MS = 20_000;
const STUCK_OF_SEVERAL_MS = 2_000;

/**
 * Times `stuckMs`, at most, that a channel may take. A coordinator that thousands come back to at once takes long to let
 * them in; beginning again every 20 s they would never get there.
 */
const MOST_PATIENCE = 8;

/** How long calls that run on a connection with an old certificate have to end. */
const RETIRE_MS = 60_000;

/**
 * A connection that comes back: to the next target where one is not reached. grpc-js waits forever in CONNECTING when the
 * peer accepts the connection but never speaks HTTP/2 (grpc-node #2785), so a channel that stays there is closed and
 * rebuilt.
 */
export class GrpcChannel {
  readonly #options: GrpcChannelOptions;
  readonly #ends = new AbortController();
  #at = 0;
  #client: Client;
  #rebuilds = 0;

  constructor(options: GrpcChannelOptions) {
    checkTargets(options);
    // Each old connection listens.
    setMaxListeners(0, this.#ends.signal);
    this.#options = options;
    this.#client = makeClient(options, this.target);
    const { tls } = options;
    const unwatch = tls?.onChange(() => this.#renew());
    if (unwatch !== undefined) this.#ends.signal.addEventListener("abort", unwatch, { once: true });
    void this.#watch();
  }

  /** The current client. Get it again for every call. Throws `unavailable` after `close`. */
  get client(): Client {
    if (this.#ends.signal.aborted) throw new MpoError("unavailable", "the connection is closed");
    return this.#client;
  }

  /** Where calls go now: "host:port". */
  get target(): string {
    return this.#options.targets[this.#at] as string;
  }

  /** How often the channel was stuck and rebuilt. */
  get rebuilds(): number {
    return this.#rebuilds;
  }

  /** A failure of a call, in words that say what is to blame. Where it may be the target, later calls go to the next one. */
  failed(client: Client, thrown: unknown): unknown {
    const { target } = this;
    const isCurrent = client === this.#client && !this.#ends.signal.aborted;
    if (isCurrent && isTransient(thrown) && this.#options.targets.length > 1) this.#next();
    return this.#explained(target, thrown);
  }

  close(): void {
    this.#ends.abort();
    closeClient(this.#client);
  }

  #explained(target: string, thrown: unknown): unknown {
    const error = MpoError.from(thrown);
    const plain = tlsFailure(error, target, this.#options.tls !== undefined) ?? thrown;
    const proxy = proxyFor(target);
    if (proxy === undefined || !isTransient(plain)) return plain;
    return error.with({
      message: `${error.message} (through the proxy ${proxy.address} from ${proxy.variable})`,
      hint: `If ${target} can be reached without it, add its host to no_proxy, or unset ${proxy.variable}.`,
    });
  }

  /** Goes on with a new connection: to the next target, where there are several. */
  #next(): void {
    this.#at = (this.#at + 1) % this.#options.targets.length;
    const left = this.#client;
    this.#client = makeClient(this.#options, this.target);
    closeClient(left);
  }

  /** New calls show the renewed certificate; those that run end on the old connection. */
  #renew(): void {
    const { clock = systemClock, logger = silentLogger } = this.#options;
    const old = this.#client;
    try {
      this.#client = makeClient(this.#options, this.target);
    } catch (err) {
      logger.error("the renewed certificate is of no use; the one before it stays", { err });
      return;
    }
    const retired = clock.sleep(RETIRE_MS, { signal: this.#ends.signal }).catch(() => undefined);
    void retired.then(() => closeClient(old));
  }

  async #watch(): Promise<void> {
    const { targets, clock = systemClock, logger = silentLogger } = this.#options;
    const { stuckMs = targets.length > 1 ? STUCK_OF_SEVERAL_MS : STUCK_MS } = this.#options;
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
      logger.warn("the connection is stuck; rebuilding it", { target: this.target, stuckMs: limitMs });
      connectingSinceMs = undefined;
      patience = Math.min(MOST_PATIENCE, 2 * patience);
      this.#rebuilds++;
      this.#next();
    }
  }
}

const MAX_TARGETS = 8;

function checkTargets({ targets, tls, bearer }: GrpcChannelOptions): void {
  if (targets.length < 1 || targets.length > MAX_TARGETS) {
    throw new MpoError("invalid-argument", `${targets.length} coordinators; expected 1 to ${MAX_TARGETS}`);
  }
  for (const target of targets) {
    if (target.includes("%")) {
      // grpc-js (1.14.7, transport.ts) connects, fails to write this as a URL, and leaves the socket open.
      throw new MpoError("invalid-argument", `${target} names a zone; IPv6 zones are not supported`);
    }
    if (bearer !== undefined && tls === undefined && !isLoopback(hostOf(target))) {
      throw new MpoError("invalid-argument", `a token would cross to ${target} in clear text`, {
        hint: "Use TLS: log in with `mpo login`, or name the authority with --ca.",
      });
    }
  }
}

function makeClient({ maxReceiveBytes, isForLarge = false, tls, at = 0 }: GrpcChannelOptions, target: string): Client {
  const secure = tls && createSecureContext(contextOptions(tls.current()));
  return new Client(target, secure ? credentials.createFromSecureContext(secure) : credentials.createInsecure(), {
    ...OPTIONS,
    ...(isForLarge ? FOR_LARGE : {}),
    ...(secure ? BY_NAME : {}),
    "grpc.service_config": spreadFrom(at),
    "grpc.enable_http_proxy": proxyFor(target) === undefined ? 0 : 1,
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
