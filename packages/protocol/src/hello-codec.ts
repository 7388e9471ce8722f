import type { RetrainConfig } from "@mpo/core";
import { list, type MessageField, message, optional } from "./composed-fields.ts";
import { type DesiredEnvelope, type DocumentVersion, desiredEnvelope, documentVersion } from "./desired-codec.ts";
import {
  type DeviceIdentity,
  deviceIdentity,
  type Inventory,
  inventory,
  type Label,
  labels,
  type Resources,
  resources,
  type ServedModel,
  servedModel,
} from "./device-codec.ts";
import { digest, flag, integer, name, positive, text, timestampMs } from "./fields.ts";
import type { HeartbeatRequest__Output } from "./gen/mpo/v1/HeartbeatRequest.ts";
import type { HeartbeatResponse__Output } from "./gen/mpo/v1/HeartbeatResponse.ts";
import type { HelloRequest__Output } from "./gen/mpo/v1/HelloRequest.ts";
import type { HelloResponse__Output } from "./gen/mpo/v1/HelloResponse.ts";
import type { ProbeOrder__Output } from "./gen/mpo/v1/ProbeOrder.ts";
import { LIMITS } from "./limits.ts";
import { type MessageCodec, messageCodec } from "./message-codec.ts";
import { retrainConfig } from "./retrain-config-codec.ts";

/** Says who is there, on every (re)connection. */
export interface HelloRequest {
  readonly identity: DeviceIdentity;
  readonly inventory: Inventory;
  readonly resources: Resources;
  readonly labels: readonly Label[];
  readonly models: readonly ServedModel[];
  /** The newest document the device has ever accepted: a coordinator with an older store raises its own to it. */
  readonly versionFloor?: DocumentVersion;
  /** The document it runs by. */
  readonly appliedVersion?: DocumentVersion;
}

/** What is to be measured; no configs: the device chooses. */
export interface ProbeOrder {
  readonly order: string;
  readonly model: string;
  readonly modelDigest: string;
  /** Most valuable first. */
  readonly configs: readonly RetrainConfig[];
  readonly maxMs: number;
}

/** What a device should do now. */
export interface HelloResponse {
  readonly serverTimeMs: number;
  readonly desiredVersion?: DocumentVersion;
  readonly desired?: DesiredEnvelope;
  readonly probes: readonly ProbeOrder[];
  readonly heartbeatSeconds: number;
  readonly natsServers: readonly string[];
}

/** Says that a device is alive, apart from its work. */
export interface HeartbeatRequest {
  readonly identity: DeviceIdentity;
  readonly resources: Resources;
  readonly appliedVersion?: DocumentVersion;
}

/** The answer to a heartbeat. */
export interface HeartbeatResponse {
  readonly serverTimeMs: number;
  readonly desiredVersion?: DocumentVersion;
  readonly heartbeatSeconds: number;
  /** The coordinator does not know the device: say hello again. */
  readonly needsHello: boolean;
}

const heartbeatSeconds = integer({ min: 1, max: 86_400 });

const helloRequest: MessageField<HelloRequest> = message<HelloRequest, HelloRequest__Output>("HelloRequest", {
  identity: deviceIdentity,
  inventory,
  resources,
  labels,
  models: list(servedModel, { max: 32 }),
  versionFloor: optional(documentVersion),
  appliedVersion: optional(documentVersion),
});

const probeOrder: MessageField<ProbeOrder> = message<ProbeOrder, ProbeOrder__Output>("ProbeOrder", {
  order: name(),
  model: name(),
  modelDigest: digest(),
  configs: list(retrainConfig, { max: 64 }),
  maxMs: positive(86_400_000),
});

const helloResponse: MessageField<HelloResponse> = message<HelloResponse, HelloResponse__Output>("HelloResponse", {
  serverTimeMs: timestampMs(),
  desiredVersion: optional(documentVersion),
  desired: optional(desiredEnvelope),
  probes: list(probeOrder, { max: 32 }),
  heartbeatSeconds,
  natsServers: list(text({ min: 1, max: 256 }), { max: 8 }),
});

const heartbeatRequest: MessageField<HeartbeatRequest> = message<HeartbeatRequest, HeartbeatRequest__Output>(
  "HeartbeatRequest",
  { identity: deviceIdentity, resources, appliedVersion: optional(documentVersion) },
);

const heartbeatResponse: MessageField<HeartbeatResponse> = message<HeartbeatResponse, HeartbeatResponse__Output>(
  "HeartbeatResponse",
  { serverTimeMs: timestampMs(), desiredVersion: optional(documentVersion), heartbeatSeconds, needsHello: flag() },
);

const { deviceMessageBytes } = LIMITS;
export const helloRequestCodec: MessageCodec<HelloRequest> = messageCodec(helloRequest, deviceMessageBytes);
/** Larger than other messages: it may carry probe orders with full schedules. */
export const helloResponseCodec: MessageCodec<HelloResponse> = messageCodec(helloResponse, LIMITS.profileBytes);
export const heartbeatRequestCodec: MessageCodec<HeartbeatRequest> = messageCodec(heartbeatRequest, deviceMessageBytes);
export const heartbeatResponseCodec: MessageCodec<HeartbeatResponse> = messageCodec(
  heartbeatResponse,
  deviceMessageBytes,
);
