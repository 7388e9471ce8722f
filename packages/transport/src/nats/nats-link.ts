import { EventEmitter, setMaxListeners } from "node:events";
import type { ConnectionOptions } from "node:tls";
import { MpoError } from "@mpo/core";
import { signWith } from "@mpo/identity";
import { abortError, type Clock, linkSignals, systemClock, untilAborted } from "@mpo/io";
import { backOffSchedule, type Logger, retry, silentLogger, Waits } from "@mpo/runtime";
import {
  type Authenticator,
  connect,
  credsAuthenticator,
  DebugEvents,
  ErrorCode,
  Events,
  type JwtAuth,
  type NatsConnection,
  type TlsOptions,
  usernamePasswordAuthenticator,
} from "nats";
import { mendClient } from "./mended-client.ts";
import { natsError } from "./nats-error.ts";
import {
  type NatsCredentials,
  type NatsSettings,
  type NatsTls,
  type ResolvedNatsSettings,
  resolveNatsSettings,
} from "./nats-settings.ts";

/** Full jitter may draw nothing at all; the library would then spin. */
const MIN_PAUSE_MS = 50;
const CONNECT_TIMEOUT_MS = 5_000;

export interface NatsLinkOptions {
  readonly logger?: Logger;
  /** Default: the system's clock. */
  readonly clock?: Clock;
  /** From 0 up to 1: jitter. Default: `Math.random`. */
  readonly random?: () => number;
  /** Called whenever a server does not let us in: what we prove ourselves with is not good any more. */
  readonly onRefused?: () => void;
  /** Ends the attempts to connect. */
  readonly signal?: AbortSignal | undefined;
}

/** One connection to NATS, kept for the life of the process; it reconnects after every interruption. */
export class NatsLink {
  readonly connection: NatsConnection;
  readonly settings: ResolvedNatsSettings;
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
  /** Resolves after `close`; rejects when the connection has closed for good: stop the process then. */
  readonly ended: Promise<void>;
  readonly #events = new EventEmitter();
  readonly #onRefused: (() => void) | undefined;
  #isClosing = false;
  /** Aborts when the connection is lost. */
  #connected = connectedSignal();

  private constructor(
    connection: NatsConnection,
    settings: ResolvedNatsSettings,
    pauses: Waits,
    options: NatsLinkOptions,
  ) {
    this.connection = connection;
    this.settings = settings;
    this.clock = options.clock ?? systemClock;
    this.random = options.random ?? Math.random;
    this.logger = options.logger ?? silentLogger;
    this.#onRefused = options.onRefused;
    this.#events.setMaxListeners(0);
    this.ended = this.#end();
    this.ended.catch(() => undefined);
    void this.#follow(pauses);
  }

  /** Connects. Throws `unavailable` when no server answers (unless `waitsForServer`), `unauthenticated` when refused. */
  static async open(given: NatsSettings, options: NatsLinkOptions = {}): Promise<NatsLink> {
    mendClient();
    const settings = resolveNatsSettings(given);
    const { logger = silentLogger, clock = systemClock, random = Math.random, signal } = options;
    const { reconnectBaseMs: baseMs, reconnectCapMs: capMs, waitsForServer } = settings;
    const waits = waitsForServer ? {} : { waits: 2 };
    const pauses = new Waits({ baseMs, capMs, random });
    const attempt = async (): Promise<NatsConnection> => {
      try {
        return await connect(connectionOptions(settings, pauses));
      } catch (thrown) {
        const error = unreachable(thrown, settings);
        if (error.code === "unauthenticated") options.onRefused?.();
        throw error;
      }
    };
    const connection = await retry(attempt, {
      schedule: backOffSchedule({ baseMs, capMs, random, ...waits }),
      clock,
      signal,
      onFailure: (err, count, waitMs) => logger.warn("no connection to NATS yet", { err, attempt: count, waitMs }),
    });
    if (signal?.aborted) {
      await connection.close();
      throw abortError(signal);
    }
    return new NatsLink(connection, settings, pauses, options);
  }

  get isClosed(): boolean {
    return this.#isClosing || this.connection.isClosed();
  }

  /** Calls `listener` after every reconnection, until the returned function is called. */
  onReconnect(listener: () => void): () => void {
    this.#events.on("reconnect", listener);
    return () => {
      this.#events.off("reconnect", listener);
    };
  }

  /** Waits for an answer, but no longer than the signal allows, or the connection is there: then none will come. */
  async within<T>(answer: Promise<T>, signal: AbortSignal | undefined, what: string): Promise<T> {
    using linked = linkSignals(signal, this.#connected.signal);
    try {
      return await untilAborted(answer, linked.signal);
    } catch (thrown) {
      if (signal?.aborted) throw abortError(signal);
      throw natsError(thrown, what);
    }
  }

  /** Ends the connection; subscriptions and watches end with it. */
  async close(): Promise<void> {
    this.#isClosing = true;
    await this.connection.close();
    await this.ended;
  }

  async #end(): Promise<void> {
    const thrown = await this.connection.closed();
    if (this.#isClosing) return;
    const reason = thrown instanceof Error ? natsError(thrown, "NATS").message : "closed";
    throw new MpoError("unavailable", `the connection to NATS has closed for good: ${reason}`, { cause: thrown });
  }

  async #follow(pauses: Waits): Promise<void> {
    // Nothing is wrong then: the server ends a connection whose user JWT expires, and the next has the newest.
    let isExpired = false;
    for await (const { type, data } of this.connection.status()) {
      const level = isExpired ? "debug" : "warn";
      if (type === Events.Disconnect) {
        this.logger[level]("lost the connection to NATS", { server: data, isExpired });
        const lost = this.#connected;
        this.#connected = connectedSignal();
        lost.abort(new MpoError("unavailable", `lost the connection to NATS at ${String(data)}`));
      } else if (type === Events.Reconnect) {
        this.logger[isExpired ? "debug" : "info"]("connected to NATS again", { server: data });
        isExpired = false;
        pauses.succeeded();
        this.#events.emit("reconnect");
      } else if (type === Events.Error && data === ErrorCode.AuthenticationExpired) {
        isExpired = true;
      } else if (type === Events.Error) {
        this.logger.error("NATS reported an error", { reason: data });
        if (data === ErrorCode.AuthorizationViolation) this.#onRefused?.();
      } else if (type === DebugEvents.StaleConnection && !isExpired) this.logger.warn("NATS does not answer pings");
    }
  }
}

function connectedSignal(): AbortController {
  const controller = new AbortController();
  // Every call under way listens.
  setMaxListeners(0, controller.signal);
  return controller;
}

function connectionOptions(settings: ResolvedNatsSettings, pauses: Waits): Parameters<typeof connect>[0] {
  const authenticator = authenticatorOf(settings.credentials);
  return {
    servers: [...settings.servers],
    name: settings.name,
    inboxPrefix: settings.inboxPrefix,
    timeout: CONNECT_TIMEOUT_MS,
    pingInterval: settings.pingMs,
    maxPingOut: 2,
    // The library gives up after 10 attempts and after two equal refusals; a fleet must outlive any outage.
    maxReconnectAttempts: -1,
    ignoreAuthErrorAbort: true,
    reconnectDelayHandler: () => Math.max(MIN_PAUSE_MS, pauses.next()),
    // A stack for every request, in case it fails: a tenth of a busy coordinator's time. Our errors say what failed.
    noAsyncTraces: true,
    ...(authenticator === undefined ? {} : { authenticator }),
    ...(settings.tls === undefined ? {} : { tls: tlsOptions(settings.tls) }),
  };
}

/**
 * The library hands all properties on to `tls.connect`, also those that its type does not name, and reads them at every
 * connection.
 */
function tlsOptions({ caPem, serverName }: NatsTls): TlsOptions {
  const options: TlsOptions & ConnectionOptions = {
    handshakeFirst: true,
    servername: serverName,
    minVersion: "TLSv1.3",
    get ca() {
      return caPem();
    },
  };
  return options;
}

/**
 * None names its key beside the JWT, which names it already: a server that rereads its configuration (for a renewed
 * certificate) would look for it among its own users, and end the connection.
 */
function authenticatorOf(credentials: NatsCredentials): Authenticator | undefined {
  switch (credentials.kind) {
    case "none":
      return undefined;
    case "password":
      return usernamePasswordAuthenticator(credentials.user, credentials.password);
    case "jwt":
      return (nonce = "") => {
        const sig = Buffer.from(signWith(credentials.seed, nonce)).toString("base64url");
        return { jwt: credentials.jwt(), sig } as JwtAuth;
      };
    case "creds":
      return (nonce) => {
        const read = credsAuthenticator(new TextEncoder().encode(credentials.read()));
        const { nkey: _named, ...rest } = read(nonce) as JwtAuth;
        return rest as JwtAuth;
      };
  }
}

function unreachable(thrown: unknown, { servers }: ResolvedNatsSettings): MpoError {
  const error = natsError(thrown, `cannot connect to NATS at ${servers.join(", ")}`);
  const isOurs = error.code === "unauthenticated" || error.code === "invalid-argument";
  if (isOurs) return error;
  const hint = "Check that nats-server runs there and that no firewall is in the way.";
  return new MpoError("unavailable", error.message, { cause: thrown, hint });
}
