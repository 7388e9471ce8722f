import { type MessageField, message, orEmpty } from "./composed-fields.ts";
import {
  type DeviceIdentity,
  deviceIdentity,
  type Inventory,
  inventory,
  type Label,
  labels,
  publicKey,
} from "./device-codec.ts";
import { choice, integer, text } from "./fields.ts";
import type { EnrollRequest__Output } from "./gen/mpo/v1/EnrollRequest.ts";
import type { EnrollResponse__Output } from "./gen/mpo/v1/EnrollResponse.ts";
import { LIMITS } from "./limits.ts";
import { type MessageCodec, messageCodec } from "./message-codec.ts";

/** Asks to become part of the fleet. Token and key are absent until devices have identities. */
export interface EnrollRequest {
  readonly identity: DeviceIdentity;
  readonly joinToken?: string;
  /** Ed25519, 32 bytes. */
  readonly publicKey?: Uint8Array;
  readonly inventory: Inventory;
  readonly labels: readonly Label[];
}

/** Whether the device is part of the fleet, and what it needs to prove it. */
export interface EnrollResponse {
  readonly state: "accepted" | "pending";
  readonly certificatePem?: string;
  readonly natsCredentials?: string;
  /** When to ask again if pending. */
  readonly retryAfterSeconds: number;
}

const enrollRequest: MessageField<EnrollRequest> = message<EnrollRequest, EnrollRequest__Output>("EnrollRequest", {
  identity: deviceIdentity,
  joinToken: orEmpty(text({ max: 256, isSecret: true })),
  publicKey: orEmpty(publicKey),
  inventory,
  labels,
});

const enrollResponse: MessageField<EnrollResponse> = message<EnrollResponse, EnrollResponse__Output>("EnrollResponse", {
  state: choice({ accepted: "ENROLLMENT_STATE_ACCEPTED", pending: "ENROLLMENT_STATE_PENDING" }),
  certificatePem: orEmpty(text({ max: 16_384, hasLines: true })),
  natsCredentials: orEmpty(text({ max: 8_192, hasLines: true, isSecret: true })),
  retryAfterSeconds: integer({ min: 0, max: 86_400 }),
});

export const enrollRequestCodec: MessageCodec<EnrollRequest> = messageCodec(enrollRequest, LIMITS.deviceMessageBytes);
export const enrollResponseCodec: MessageCodec<EnrollResponse> = messageCodec(
  enrollResponse,
  LIMITS.deviceMessageBytes,
);
