import type { DeviceIdentity, FleetServiceMethods } from "@mpo/protocol";
import type { CallOptions, ClientOf, NotifyBus } from "@mpo/transport";

/**
 * The calls of an agent to a coordinator. They throw an `MpoError`: `unavailable` and `timed-out` are tried again later,
 * anything else is an answer. A
 * long profile goes in parts, which is the client's affair.
 */
export type FleetLink = Omit<ClientOf<FleetServiceMethods>, "reportProfilePart" | keyof ArtifactLink>;

/** The calls by which an agent fetches a published model. */
export type ArtifactLink = Pick<ClientOf<FleetServiceMethods>, "getArtifact" | "getArtifactChunk">;

/** Where a device reads its own document and hears that there is a new one. */
export interface DesiredFeed {
  readonly bus: NotifyBus;
  /** The envelope that is stored for the device now; it may be an old one. Undefined: none. */
  read(identity: DeviceIdentity, options?: CallOptions): Promise<Uint8Array | undefined>;
  close(): Promise<void>;
}

/** Connects to the feed; `servers` are those that the coordinator named. */
export type ConnectFeed = (
  servers: readonly string[],
  options: { readonly signal: AbortSignal },
) => Promise<DesiredFeed>;
