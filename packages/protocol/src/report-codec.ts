import type { Chain, Prediction, Profile } from "@mpo/core";
import { chain } from "./chain-codec.ts";
import { type MessageField, mapped, message, optional, orEmpty, refined } from "./composed-fields.ts";
import { type DocumentVersion, documentVersion, rung } from "./desired-codec.ts";
import { type DeviceIdentity, deviceIdentity } from "./device-codec.ts";
import { type Field, refuse } from "./field.ts";
import { choice, flag, integer, MESSAGE_LENGTH, name, number, share, text, timestampMs, whole } from "./fields.ts";
import type { DocumentStatus__Output } from "./gen/mpo/v1/DocumentStatus.ts";
import type { ProbeFailure__Output } from "./gen/mpo/v1/ProbeFailure.ts";
import type { ReportProfileRequest__Output } from "./gen/mpo/v1/ReportProfileRequest.ts";
import type { ReportProfileResponse__Output } from "./gen/mpo/v1/ReportProfileResponse.ts";
import type { ReportStatusRequest__Output } from "./gen/mpo/v1/ReportStatusRequest.ts";
import type { ReportStatusResponse__Output } from "./gen/mpo/v1/ReportStatusResponse.ts";
import type { WindowResult__Output } from "./gen/mpo/v1/WindowResult.ts";
import { LIMITS, MAX_MS } from "./limits.ts";
import { type MessageCodec, messageCodec } from "./message-codec.ts";
import { profile } from "./profile-codec.ts";

/** Delivers a profile. A report of a name that was stored before is not stored again. */
export interface ReportProfileRequest {
  readonly identity: DeviceIdentity;
  readonly report: string;
  /** The probe order that it answers. */
  readonly order?: string;
  readonly profile: Profile;
  /** The model as it was planned when it was measured; absent when the coordinator has it. */
  readonly chain?: Chain;
}

/** The profile is stored. */
export interface ReportProfileResponse {
  readonly isDuplicate: boolean;
  readonly revision: number;
  /** The coordinator has no chain of this model: send the report again, with it. */
  readonly needsChain: boolean;
}

/** What became of a document; `confirmed`, `failed` and `refused` are final for their version. */
export type DocumentState = "accepted" | "applied" | "confirmed" | "failed" | "refused";

/** What became of a document on a device. */
export interface DocumentStatus {
  readonly version: DocumentVersion;
  readonly state: DocumentState;
  /** The rung in use, an index of the document's rungs. */
  readonly rung?: number;
  readonly message: string;
}

/** How a retraining window ended. */
export type WindowOutcome = "replaced" | "kept-old" | "over-memory" | "out-of-time" | "failed" | "cancelled";

/** One retraining: what was predicted (in `rung`) and what was seen. What was not measured is absent. */
export interface WindowResult {
  readonly window: string;
  readonly model: string;
  readonly openedAtMs: number;
  readonly rung: Prediction;
  readonly outcome: WindowOutcome;
  /** Above the idle process. */
  readonly peakBytes?: number;
  readonly durationMs: number;
  readonly steps: number;
  readonly stepMs?: number;
  readonly judgement?: "labels" | "label-free";
  /** 0 to 1. */
  readonly accuracyBefore?: number;
  readonly accuracyAfter?: number;
  readonly message: string;
}

/** A probe that ended without a profile. Times are the device's, milliseconds since 1970-01-01 UTC. */
export interface ProbeFailure {
  readonly model: string;
  readonly failedAtMs: number;
  /** In a row, this one included. */
  readonly failures: number;
  /** When it is tried again at the earliest. */
  readonly retryAtMs: number;
  readonly message: string;
}

/** What is reported of: a document, a window or a probe. */
export type ReportedStatus =
  | { readonly kind: "document"; readonly document: DocumentStatus }
  | { readonly kind: "window"; readonly window: WindowResult }
  | { readonly kind: "probe"; readonly probe: ProbeFailure };

/** Delivers what became of a document, a window or a probe. `sequence` rises with every report of a device. */
export interface ReportStatusRequest {
  readonly identity: DeviceIdentity;
  readonly report: string;
  readonly sequence: number;
  readonly reportedAtMs: number;
  readonly status: ReportedStatus;
}

/** The report is stored. */
export interface ReportStatusResponse {
  readonly isDuplicate: boolean;
  readonly desiredVersion?: DocumentVersion;
}

const documentState: Field<DocumentState> = choice({
  accepted: "DOCUMENT_STATE_ACCEPTED",
  applied: "DOCUMENT_STATE_APPLIED",
  confirmed: "DOCUMENT_STATE_CONFIRMED",
  failed: "DOCUMENT_STATE_FAILED",
  refused: "DOCUMENT_STATE_REFUSED",
});

export const documentStatus: MessageField<DocumentStatus> = message<DocumentStatus, DocumentStatus__Output>(
  "DocumentStatus",
  {
    version: documentVersion,
    state: documentState,
    rung: optional(integer({ min: 0, max: 63 })),
    message: text({ max: MESSAGE_LENGTH }),
  },
);

const windowOutcome: Field<WindowOutcome> = choice({
  replaced: "WINDOW_OUTCOME_REPLACED",
  "kept-old": "WINDOW_OUTCOME_KEPT_OLD",
  "over-memory": "WINDOW_OUTCOME_OVER_MEMORY",
  "out-of-time": "WINDOW_OUTCOME_OUT_OF_TIME",
  failed: "WINDOW_OUTCOME_FAILED",
  cancelled: "WINDOW_OUTCOME_CANCELLED",
});

const durationMs = number({ min: 0, max: MAX_MS });

export const windowResult: MessageField<WindowResult> = message<WindowResult, WindowResult__Output>("WindowResult", {
  window: name(),
  model: name(),
  openedAtMs: timestampMs(),
  rung,
  outcome: windowOutcome,
  peakBytes: optional(whole()),
  durationMs,
  steps: integer({ min: 0, max: 1e9 }),
  stepMs: optional(durationMs),
  judgement: optional(choice({ labels: "JUDGEMENT_LABELS", "label-free": "JUDGEMENT_LABEL_FREE" })),
  accuracyBefore: optional(share()),
  accuracyAfter: optional(share()),
  message: text({ max: MESSAGE_LENGTH }),
});

export const probeFailure: MessageField<ProbeFailure> = message<ProbeFailure, ProbeFailure__Output>("ProbeFailure", {
  model: name(),
  failedAtMs: timestampMs(),
  failures: integer({ min: 1, max: 1e9 }),
  retryAtMs: timestampMs(),
  message: text({ max: MESSAGE_LENGTH }),
});

const reportProfileRequest: MessageField<ReportProfileRequest> = refined(
  message<ReportProfileRequest, ReportProfileRequest__Output>("ReportProfileRequest", {
    identity: deviceIdentity,
    report: name(),
    order: orEmpty(name()),
    profile,
    chain: orEmpty(chain),
  }),
  ({ identity, profile: { device, model }, chain: sent }, path) => {
    if (device.id !== identity.device)
      refuse(`${path}.profile.device.id`, device.id, `the reporting device, ${identity.device}`);
    if (sent !== undefined && sent.units.length !== model.unitCount)
      refuse(`${path}.chain.units`, sent.units, `the profile's ${model.unitCount} units`);
  },
);

const reportProfileResponse: MessageField<ReportProfileResponse> = message<
  ReportProfileResponse,
  ReportProfileResponse__Output
>("ReportProfileResponse", { isDuplicate: flag(), revision: whole({ min: 1 }), needsChain: flag() });

/** The status as it lies on the wire: of a `oneof`, each choice is a field. */
interface FlatStatusRequest extends Omit<ReportStatusRequest, "status"> {
  readonly document?: DocumentStatus;
  readonly window?: WindowResult;
  readonly probe?: ProbeFailure;
}

const reportStatusRequest: MessageField<ReportStatusRequest> = mapped(
  message<FlatStatusRequest, ReportStatusRequest__Output>("ReportStatusRequest", {
    identity: deviceIdentity,
    report: name(),
    sequence: whole({ min: 1 }),
    reportedAtMs: timestampMs(),
    document: optional(documentStatus),
    window: optional(windowResult),
    probe: optional(probeFailure),
  }),
  ({ document, window, probe, ...rest }, path): ReportStatusRequest => {
    const given: readonly ReportedStatus[] = [
      ...(document === undefined ? [] : [{ kind: "document", document } as const]),
      ...(window === undefined ? [] : [{ kind: "window", window } as const]),
      ...(probe === undefined ? [] : [{ kind: "probe", probe } as const]),
    ];
    const [status] = given;
    if (status !== undefined && given.length === 1) return { ...rest, status };
    return refuse(
      `${path}.status`,
      given.length === 0 ? undefined : given,
      "exactly one of document, window and probe",
    );
  },
  ({ status, ...rest }): FlatStatusRequest => ({ ...rest, ...flatStatus(status) }),
);

function flatStatus(status: ReportedStatus): Pick<FlatStatusRequest, "document" | "window" | "probe"> {
  switch (status.kind) {
    case "document":
      return { document: status.document };
    case "window":
      return { window: status.window };
    case "probe":
      return { probe: status.probe };
  }
}

const reportStatusResponse: MessageField<ReportStatusResponse> = message<
  ReportStatusResponse,
  ReportStatusResponse__Output
>("ReportStatusResponse", { isDuplicate: flag(), desiredVersion: optional(documentVersion) });

const { deviceMessageBytes } = LIMITS;
export const reportProfileRequestCodec: MessageCodec<ReportProfileRequest> = messageCodec(
  reportProfileRequest,
  LIMITS.profileBytes,
);
export const reportProfileResponseCodec: MessageCodec<ReportProfileResponse> = messageCodec(
  reportProfileResponse,
  deviceMessageBytes,
);
export const reportStatusRequestCodec: MessageCodec<ReportStatusRequest> = messageCodec(
  reportStatusRequest,
  deviceMessageBytes,
);
export const reportStatusResponseCodec: MessageCodec<ReportStatusResponse> = messageCodec(
  reportStatusResponse,
  deviceMessageBytes,
);
