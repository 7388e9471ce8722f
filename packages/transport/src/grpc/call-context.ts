import type { DeviceIdentity } from "@mpo/protocol";

/** Who calls Admin. A coordinator gives more of them than the name. */
export interface Person {
  /** As logs and audits name them. */
  readonly name: string;
}

/** What a handler gets in addition to the request. */
export interface CallContext {
  /** The device that calls: "<tenant>.<device>"; undefined where none is known. */
  readonly deviceId: string | undefined;
  /** Who calls Admin, as `identify` has found out; undefined where nobody is known. */
  readonly person: Person | undefined;
  /** Address of the other end. */
  readonly peer: string;
  /** The client's certificate (DER), which TLS has verified. */
  readonly certificate: Buffer | undefined;
  /** Aborts when the caller gave up, its deadline passed, or the server stops. */
  readonly signal: AbortSignal;
  /** Name of the call in the logs of both sides. */
  readonly requestId: string;
  /** W3C's name of the span that the caller made the call in; undefined: none. */
  readonly traceparent?: string | undefined;
}

/** What is known of a caller. */
export interface CallerFacts {
  /** Who the request says it is from; undefined when it says nothing. The request is decoded when this is asked for. */
  readonly claimed: DeviceIdentity | undefined;
  /** Address of the other end. */
  readonly peer: string;
  /** The client's certificate (DER), which TLS has verified; the same object for every call of a connection. */
  readonly certificate?: Buffer | undefined;
  /** The token that came with the call: not verified. */
  readonly bearer?: string | undefined;
}

/**
 * The one place that says who calls the method of a path. Throws `unauthenticated` to refuse who is not proven, and
 * `permission-denied` who is. Where there is TLS, calls with neither a certificate nor a token come here for open calls only.
 */
export interface Identify {
  /** Calls of services for devices. Undefined: anybody may make this call. */
  readonly device: (facts: CallerFacts, path: string) => string | undefined | Promise<string | undefined>;
  /** Calls of services for people. Undefined: nobody in particular, who may make this call. */
  readonly person: (facts: CallerFacts, path: string) => Person | undefined | Promise<Person | undefined>;
}

/** Believes the claim, and asks people nothing: for loopback without TLS. */
export const believeClaim: Identify = {
  device: ({ claimed }) => (claimed === undefined ? undefined : `${claimed.tenant}.${claimed.device}`),
  person: () => undefined,
};

/** The identity in a decoded request, if its kind has one. */
export function claimedIdentity(request: unknown): DeviceIdentity | undefined {
  const { identity } = (request ?? {}) as { readonly identity?: DeviceIdentity };
  return identity;
}
