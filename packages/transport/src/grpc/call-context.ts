import type { DeviceIdentity } from "@mpo/protocol";

/** What a handler gets in addition to the request. */
export interface CallContext {
  /** Who calls: "<tenant>.<device>"; undefined where there is no caller identity (Admin calls). */
  readonly deviceId: string | undefined;
  /** Address of the other end. */
  readonly peer: string;
  /** Aborts when the caller gave up, its deadline passed, or the server stops. */
  readonly signal: AbortSignal;
  /** Name of the call in the logs of both sides. */
  readonly requestId: string;
}

/** What is known of a caller before its request is believed. */
export interface CallerFacts {
  /** Who the request says it is from; undefined when it says nothing. */
  readonly claimed: DeviceIdentity | undefined;
  /** Address of the other end. */
  readonly peer: string;
}

/**
 * The one function that says who calls. Throws `unauthenticated` to refuse. Once devices have identities, it compares the
 * claim with the certificate.
 */
export type IdentifyDevice = (facts: CallerFacts) => string | undefined;

/** Believes the claim: for loopback, until devices have identities. */
export const believeClaim: IdentifyDevice = ({ claimed }) =>
  claimed === undefined ? undefined : `${claimed.tenant}.${claimed.device}`;

/** The identity in a decoded request, if its kind has one. */
export function claimedIdentity(request: unknown): DeviceIdentity | undefined {
  const { identity } = (request ?? {}) as { readonly identity?: DeviceIdentity };
  return identity;
}
