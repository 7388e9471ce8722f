import { constants, type Http2SecureServer, type ServerHttp2Session, type ServerHttp2Stream } from "node:http2";
import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { type Metadata, ServerInterceptingCall, type ServerInterceptor } from "@grpc/grpc-js";
import { MpoError } from "@mpo/core";
import type { Clock } from "@mpo/io";
import { isOpenCall } from "@mpo/protocol";
import { failure } from "./call-failure.ts";
import { bearerOf } from "./call-options.ts";
import type { SayRarely } from "./say-rarely.ts";

/** A connection over TLS. */
export interface Connection {
  /** DER of the client's certificate, which has been verified; the same object for every call. */
  readonly certificate: Buffer | undefined;
}

interface Guarded {
  readonly socket: Socket;
  readonly address: string;
  sinceMs: number;
  session?: ServerHttp2Session;
  certificate?: Buffer | undefined;
  isProven: boolean;
  isClosing: boolean;
}

export interface GuardOptions {
  /** Connections at once that have not shown who they are. Beyond that the oldest of the greediest address is closed. */
  readonly maxUnproven: number;
  /** How long one may stay so. */
  readonly unprovenMs: number;
  readonly clock: Clock;
  readonly say: SayRarely;
}

/** Calls of callers without a certificate that run at once, over all connections: each may hold a whole message. */
const MAX_ANONYMOUS_CALLS = 64;

/**
 * What stands between strangers and a server with TLS. Whoever has not shown who they are, by a call that was let
 * through, gets few connections for a short time; and a call without any proof is refused before its body is read.
 */
export class ConnectionGuard {
  readonly #options: GuardOptions;
  /** By both ends' addresses, until their sessions are known. */
  readonly #handshakes = new Map<string, Guarded>();
  /** In the order in which they came. */
  readonly #unproven = new Set<Guarded>();
  readonly #addresses = new Map<string, Set<Guarded>>();
  readonly #sessions = new WeakMap<object, Guarded>();
  readonly #calls = new WeakMap<Metadata, Guarded>();
  #arriving: { readonly stream: ServerHttp2Stream; readonly connection: Guarded | undefined } | undefined;
  #anonymousCalls = 0;

  constructor(options: GuardOptions) {
    this.#options = options;
  }

  /** How many connections have not shown who they are. */
  get unproven(): number {
    return this.#unproven.size;
  }

  watch(server: Http2SecureServer): void {
    server.on("connection", (socket) => this.#onSocket(socket));
    server.on("session", (session) => this.#onSession(session));
    server.on("tlsClientError", (err, { remoteAddress: peer }) =>
      this.#options.say("a TLS handshake failed", { peer, err }),
    );
    // grpc-js does not say over which connection a call came; its own listener calls the interceptors in this very turn.
    server.prependListener("stream", (stream) => {
      this.#arriving = { stream, connection: stream.session && this.#sessions.get(stream.session) };
    });
  }

  /** Refuses calls without any proof, and remembers over which connection the others came. */
  readonly intercept: ServerInterceptor = ({ path }, call) => {
    const arriving = this.#arriving;
    const onReceiveMetadata = (metadata: Metadata, next: (metadata: Metadata) => void): void => {
      const refusal = arriving?.connection && this.#refusalOf(arriving.connection, arriving.stream, metadata, path);
      if (arriving?.connection === undefined) call.sendStatus(failure(noProof()));
      else if (refusal !== undefined) call.sendStatus(failure(refusal));
      else {
        this.#calls.set(metadata, arriving.connection);
        next(metadata);
      }
    };
    return new ServerInterceptingCall(call, { start: (next) => next({ onReceiveMetadata }) });
  };

  /** The connection of a call that runs. */
  of(metadata: Metadata): Connection & { identified(isProven: boolean): void } {
    const connection = this.#calls.get(metadata);
    if (connection === undefined) throw noProof();
    return {
      certificate: connection.certificate,
      identified: (isProven) => (isProven ? this.#forget(connection) : this.#doubt(connection)),
    };
  }

  /** Closes connections that took too long to show who they are, until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, unprovenMs } = this.#options;
    while (!signal.aborted) {
      await clock.sleep(unprovenMs / 6, { signal }).catch(() => undefined);
      const lateMs = clock.monotonicMs() - unprovenMs;
      for (const connection of this.#unproven) {
        if (connection.sinceMs > lateMs) break;
        close(connection);
      }
    }
  }

  /** Ends the handshakes that run: grpc-js knows nothing of them. */
  stop(): void {
    for (const { socket } of this.#handshakes.values()) socket.destroy();
  }

  #onSocket(socket: Socket): void {
    const { clock, maxUnproven, say } = this.#options;
    const key = endsOf(socket);
    const connection: Guarded = {
      ...{ socket, address: socket.remoteAddress ?? "", sinceMs: clock.monotonicMs() },
      ...{ isProven: true, isClosing: false },
    };
    this.#handshakes.set(key, connection);
    socket.once("close", () => {
      if (this.#handshakes.get(key) === connection) this.#handshakes.delete(key);
      this.#forget(connection);
    });
    this.#doubt(connection);
    if (this.#unproven.size <= maxUnproven) return;
    say("closing connections: too many have not shown who they are", { maxUnproven });
    const [greediest] = [...this.#addresses.values()].reduce((most, each) => (each.size > most.size ? each : most));
    if (greediest === undefined) return;
    this.#forget(greediest);
    greediest.socket.destroy();
  }

  #onSession(session: ServerHttp2Session): void {
    const socket = session.socket as TLSSocket;
    const key = endsOf(socket);
    const connection = this.#handshakes.get(key);
    this.#handshakes.delete(key);
    const certificate = socket.getPeerX509Certificate()?.raw;
    if (connection === undefined || (certificate !== undefined && !socket.authorized)) {
      const why = String(socket.authorizationError);
      this.#options.say("refusing a connection: its certificate does not verify", { peer: connection?.address, why });
      session.destroy(constants.NGHTTP2_INADEQUATE_SECURITY as unknown as Error);
      return;
    }
    Object.assign(connection, { session, certificate });
    this.#sessions.set(session, connection);
  }

  #refusalOf(connection: Guarded, stream: ServerHttp2Stream, metadata: Metadata, path: string): MpoError | undefined {
    if (connection.certificate !== undefined) return undefined;
    if (bearerOf(metadata) === undefined && !isOpenCall(path)) return noProof();
    if (connection.isProven) return undefined;
    if (this.#anonymousCalls >= MAX_ANONYMOUS_CALLS) {
      return new MpoError("unavailable", "busy: too many callers have not shown who they are");
    }
    this.#anonymousCalls++;
    stream.once("close", () => this.#anonymousCalls--);
    return undefined;
  }

  #doubt(connection: Guarded): void {
    if (!connection.isProven || connection.socket.destroyed) return;
    Object.assign(connection, { isProven: false, sinceMs: this.#options.clock.monotonicMs() });
    this.#unproven.add(connection);
    const { address } = connection;
    this.#addresses.set(address, (this.#addresses.get(address) ?? new Set()).add(connection));
  }

  #forget(connection: Guarded): void {
    if (connection.isProven) return;
    connection.isProven = true;
    this.#unproven.delete(connection);
    const others = this.#addresses.get(connection.address);
    others?.delete(connection);
    if (others?.size === 0) this.#addresses.delete(connection.address);
  }
}

/** Lets calls end that run, the first time; not the second. */
function close(connection: Guarded): void {
  const { session, socket, isClosing } = connection;
  if (session === undefined || isClosing) socket.destroy();
  else session.close();
  connection.isClosing = true;
}

function endsOf({ remoteAddress, remotePort, localAddress, localPort }: Socket): string {
  return `${remoteAddress} ${remotePort} ${localAddress} ${localPort}`;
}

function noProof(): MpoError {
  return new MpoError("unauthenticated", "the call comes with neither a certificate nor a token", {
    hint: "A device joins with `mpo agent --join`; people log in with `mpo login`.",
  });
}
