import type {
  DeviceIdentity,
  EnrollRequest,
  EnrollResponse,
  HeartbeatRequest,
  HeartbeatResponse,
  HelloRequest,
  HelloResponse,
  ReportProfileRequest,
  ReportProfileResponse,
  ReportStatusRequest,
  ReportStatusResponse,
} from "@mpo/protocol";
import type { NotifyBus } from "@mpo/transport";

/** Options of every call to a coordinator. */
export interface LinkOptions {
  readonly signal?: AbortSignal;
  /** How often the link itself tries again before it throws. Default: a few times. */
  readonly retries?: number;
}

/**
 * The calls of an agent to a coordinator. They throw an `MpoError`: `unavailable` and `timed-out` are tried again later,
 * whatever else is an answer.
 */
export interface FleetLink {
  enroll(request: EnrollRequest, options?: LinkOptions): Promise<EnrollResponse>;
  hello(request: HelloRequest, options?: LinkOptions): Promise<HelloResponse>;
  heartbeat(request: HeartbeatRequest, options?: LinkOptions): Promise<HeartbeatResponse>;
  reportProfile(request: ReportProfileRequest, options?: LinkOptions): Promise<ReportProfileResponse>;
  reportStatus(request: ReportStatusRequest, options?: LinkOptions): Promise<ReportStatusResponse>;
}

/** Where a device reads its own document and hears that there is a new one. */
export interface DesiredFeed {
  readonly bus: NotifyBus;
  /** The envelope that is stored for the device now; it may be an old one. Undefined: none. */
  read(identity: DeviceIdentity, options?: LinkOptions): Promise<Uint8Array | undefined>;
  close(): Promise<void>;
}

/** Connects to the feed; `servers` are those that the coordinator named. */
export type ConnectFeed = (
  servers: readonly string[],
  options: { readonly signal: AbortSignal },
) => Promise<DesiredFeed>;
