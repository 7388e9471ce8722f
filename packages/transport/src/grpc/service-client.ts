import { randomUUID } from "node:crypto";
import { systemClock } from "@mpo/io";
import type { Method, StreamMethod, UnaryMethod } from "@mpo/protocol";
import { backOffSchedule, retry, silentLogger } from "@mpo/runtime";
import type { CallOptions, SentOptions } from "./call-options.ts";
import { CallPace } from "./call-pace.ts";
import { GrpcChannel, type GrpcChannelOptions } from "./grpc-channel.ts";
import { rotated } from "./spread-addresses.ts";
import { streamCall } from "./stream-call.ts";
import { unaryCall } from "./unary-call.ts";

export type ClientOf<Methods> = {
  readonly [Name in keyof Methods]: Methods[Name] extends UnaryMethod<infer Request, infer Response>
    ? (request: Request, options?: CallOptions) => Promise<Response>
    : Methods[Name] extends StreamMethod<infer Request, infer Response>
      ? (request: Request, options?: CallOptions) => AsyncIterable<Response>
      : never;
};

export interface ServiceClientOptions extends Omit<GrpcChannelOptions, "maxReceiveBytes" | "at"> {
  /** How often a call that is safe to repeat is tried again after `unavailable` or `timed-out`. Default 3. */
  readonly retries?: number;
  /** From 0 up to 1: jitter, and which target is the first. Default: `Math.random`. */
  readonly random?: () => number;
}

/** Targets, and addresses of a name, in an order of one's own: so a fleet spreads over them. */
export function spread(options: ServiceClientOptions): ServiceClientOptions & { readonly at: number } {
  const { targets, random = Math.random } = options;
  const at = random();
  return { ...options, targets: rotated(targets, at), at };
}

/** Longest frame around a message that a codec allows. */
const FRAME_BYTES = 1024;
const WAITS = { baseMs: 200, capMs: 5_000 } as const;

/** A client of one service over one channel. */
export interface ServiceClient<Methods> {
  readonly calls: ClientOf<Methods>;
  readonly channel: GrpcChannel;
}

/**
 * Makes a client. Calls with one answer are repeated with full jitter if `isRepeatable` says so; streams never, because
 * their reader has had a part.
 */
export function createServiceClient<Methods extends object>(
  methods: Methods,
  isRepeatable: (name: keyof Methods) => boolean,
  options: ServiceClientOptions & Pick<GrpcChannelOptions, "at">,
): ServiceClient<Methods> {
  const { retries = 3, logger = silentLogger, clock = systemClock, random = Math.random, bearer } = options;
  const all = Object.entries(methods) as [keyof Methods, Method<unknown, unknown>][];
  const maxReceiveBytes = Math.max(...all.map(([, { response }]) => response.maxBytes)) + FRAME_BYTES;
  const channel = new GrpcChannel({ ...options, maxReceiveBytes });
  const calls = all.map(([name, method]) => {
    if (method.isStream) {
      const stream = method as StreamMethod<unknown, unknown>;
      return [
        name,
        (request: unknown, call?: CallOptions) => streamOver(channel, stream, request, { ...call, bearer: bearer?.() }),
      ];
    }
    const unary = method as UnaryMethod<unknown, unknown>;
    const pace = new CallPace(clock);
    const send = async (request: unknown, options: CallOptions = {}): Promise<unknown> => {
      const waits = isRepeatable(name) ? (options.retries ?? retries) : 0;
      // One name for all attempts, in the logs of both sides.
      const call = { ...options, requestId: options.requestId ?? randomUUID(), pace, bearer: bearer?.() };
      const { requestId } = call;
      const { path } = method;
      const attempt = async (): Promise<unknown> => {
        const { client } = channel;
        return await unaryCall(client, unary, request, call).catch((thrown: unknown) => {
          throw channel.failed(client, thrown);
        });
      };
      return await retry(attempt, {
        schedule: backOffSchedule({ ...WAITS, waits, random }),
        clock,
        signal: call.signal,
        onFailure: (err, attempt, waitMs) =>
          logger.debug("a call failed; trying again", { path, requestId, err, attempt, waitMs }),
      }).catch((err: unknown) => {
        logger.debug("a call failed", { path, requestId, err });
        throw err;
      });
    };
    return [name, send];
  });
  return { calls: Object.fromEntries(calls) as ClientOf<Methods>, channel };
}

async function* streamOver(
  channel: GrpcChannel,
  method: StreamMethod<unknown, unknown>,
  request: unknown,
  options: SentOptions,
): AsyncGenerator<unknown, void, undefined> {
  const { client } = channel;
  try {
    yield* streamCall(client, method, request, options);
  } catch (thrown) {
    throw channel.failed(client, thrown);
  }
}
