import type { Prediction, RetrainConfig, SearchBudget, SearchObjective } from "@mpo/core";
import { list, type MessageField, message, optional } from "./composed-fields.ts";
import {
  budget,
  type DesiredDocument,
  type DocumentVersion,
  desiredDocument,
  documentVersion,
  objective,
  type Reason,
  reason,
  rung,
} from "./desired-codec.ts";
import { type DeviceIdentity, deviceIdentity } from "./device-codec.ts";
import { integer, name, text } from "./fields.ts";
import type { ExplainConfigRequest__Output } from "./gen/mpo/v1/ExplainConfigRequest.ts";
import type { ExplainConfigResponse__Output } from "./gen/mpo/v1/ExplainConfigResponse.ts";
import type { GetConfigRequest__Output } from "./gen/mpo/v1/GetConfigRequest.ts";
import type { GetConfigResponse__Output } from "./gen/mpo/v1/GetConfigResponse.ts";
import type { PushConfigRequest__Output } from "./gen/mpo/v1/PushConfigRequest.ts";
import type { PushConfigResponse__Output } from "./gen/mpo/v1/PushConfigResponse.ts";
import type { RejectedRung__Output } from "./gen/mpo/v1/RejectedRung.ts";
import type { RollbackConfigRequest__Output } from "./gen/mpo/v1/RollbackConfigRequest.ts";
import type { RollbackConfigResponse__Output } from "./gen/mpo/v1/RollbackConfigResponse.ts";
import { LIMITS } from "./limits.ts";
import { type MessageCodec, messageCodec } from "./message-codec.ts";
import { type DocumentStatus, documentStatus } from "./report-codec.ts";
import { retrainConfig } from "./retrain-config-codec.ts";

/** Asks for a document; no version: the newest. */
export interface GetConfigRequest {
  readonly identity: DeviceIdentity;
  readonly version?: DocumentVersion;
}

/** A document, and what the device has told of it. */
export interface GetConfigResponse {
  readonly document: DesiredDocument;
  readonly status?: DocumentStatus;
}

/** Asks why a device's document is what it is. */
export interface ExplainConfigRequest {
  readonly identity: DeviceIdentity;
}

/** A configuration that was looked at and not chosen, and why. */
export interface RejectedRung {
  readonly rung: Prediction;
  readonly reason: Reason;
}

/** Why a device's document is what it is. */
export interface ExplainConfigResponse {
  readonly document: DesiredDocument;
  readonly considered: number;
  readonly overBudget: number;
  readonly rejected: readonly RejectedRung[];
}

/** Gives a device a new document: with `config` if given, else searched anew. */
export interface PushConfigRequest {
  readonly identity: DeviceIdentity;
  readonly model: string;
  readonly budget?: SearchBudget;
  readonly objective?: SearchObjective;
  readonly config?: RetrainConfig;
  /** Refused as a conflict when this is not the newest document any more. */
  readonly expectedVersion?: DocumentVersion;
  readonly reason: string;
}

/** What was pushed. */
export interface PushConfigResponse {
  readonly document: DesiredDocument;
}

/** Gives a device an older document's content as a new version; no version: that of the newest confirmed one. */
export interface RollbackConfigRequest {
  readonly identity: DeviceIdentity;
  readonly version?: DocumentVersion;
  readonly reason: string;
}

/** What was pushed. */
export interface RollbackConfigResponse {
  readonly document: DesiredDocument;
}

const count = integer({ min: 0, max: 2 ** 32 - 1 });
const why = text({ max: 256 });

const getConfigRequest: MessageField<GetConfigRequest> = message<GetConfigRequest, GetConfigRequest__Output>(
  "GetConfigRequest",
  { identity: deviceIdentity, version: optional(documentVersion) },
);

const getConfigResponse: MessageField<GetConfigResponse> = message<GetConfigResponse, GetConfigResponse__Output>(
  "GetConfigResponse",
  { document: desiredDocument, status: optional(documentStatus) },
);

const explainConfigRequest: MessageField<ExplainConfigRequest> = message<
  ExplainConfigRequest,
  ExplainConfigRequest__Output
>("ExplainConfigRequest", { identity: deviceIdentity });

const rejectedRung: MessageField<RejectedRung> = message<RejectedRung, RejectedRung__Output>("RejectedRung", {
  rung,
  reason,
});

const explainConfigResponse: MessageField<ExplainConfigResponse> = message<
  ExplainConfigResponse,
  ExplainConfigResponse__Output
>("ExplainConfigResponse", {
  document: desiredDocument,
  considered: count,
  overBudget: count,
  rejected: list(rejectedRung, { max: 64 }),
});

const pushConfigRequest: MessageField<PushConfigRequest> = message<PushConfigRequest, PushConfigRequest__Output>(
  "PushConfigRequest",
  {
    identity: deviceIdentity,
    model: name(),
    budget: optional(budget),
    objective: optional(objective),
    config: optional(retrainConfig),
    expectedVersion: optional(documentVersion),
    reason: why,
  },
);

const pushConfigResponse: MessageField<PushConfigResponse> = message<PushConfigResponse, PushConfigResponse__Output>(
  "PushConfigResponse",
  { document: desiredDocument },
);

const rollbackConfigRequest: MessageField<RollbackConfigRequest> = message<
  RollbackConfigRequest,
  RollbackConfigRequest__Output
>("RollbackConfigRequest", { identity: deviceIdentity, version: optional(documentVersion), reason: why });

const rollbackConfigResponse: MessageField<RollbackConfigResponse> = message<
  RollbackConfigResponse,
  RollbackConfigResponse__Output
>("RollbackConfigResponse", { document: desiredDocument });

const limit = LIMITS.adminMessageBytes;
export const getConfigRequestCodec: MessageCodec<GetConfigRequest> = messageCodec(getConfigRequest, limit);
export const getConfigResponseCodec: MessageCodec<GetConfigResponse> = messageCodec(getConfigResponse, limit);
export const explainConfigRequestCodec: MessageCodec<ExplainConfigRequest> = messageCodec(explainConfigRequest, limit);
export const explainConfigResponseCodec: MessageCodec<ExplainConfigResponse> = messageCodec(
  explainConfigResponse,
  limit,
);
export const pushConfigRequestCodec: MessageCodec<PushConfigRequest> = messageCodec(pushConfigRequest, limit);
export const pushConfigResponseCodec: MessageCodec<PushConfigResponse> = messageCodec(pushConfigResponse, limit);
export const rollbackConfigRequestCodec: MessageCodec<RollbackConfigRequest> = messageCodec(
  rollbackConfigRequest,
  limit,
);
export const rollbackConfigResponseCodec: MessageCodec<RollbackConfigResponse> = messageCodec(
  rollbackConfigResponse,
  limit,
);
