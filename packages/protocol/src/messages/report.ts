import {
  chainSchema,
  type Fact,
  fact,
  judgeSchema,
  MAX_COUNT,
  MAX_REPEATS,
  MESSAGE_LENGTH,
  measuredSchema,
  predictionSchema,
  profileSchema,
} from "@mpo/core";
import { LIMITS } from "../limits.ts";
import { deviceIdentity, doubledBy, instance } from "./device.ts";
import { documentVersion, rungIndex } from "./document.ts";

const {
  byteCount,
  bytes,
  choice,
  consistent,
  digest,
  durationMs,
  flag,
  list,
  name,
  object,
  share,
  text,
  timestampMs,
  whole,
  word,
} = fact;

/** By the coordinator's clock, and its to say: a device's own clock may be wrong by years. */
const receivedAtMs = timestampMs().optional();
const message = text(0, MESSAGE_LENGTH);

/** Delivers a profile. A report of a name that was stored before is not stored again. */
export type ReportProfileRequest = Fact<typeof reportProfileRequest>;
export const reportProfileRequest = consistent(
  object({
    identity: deviceIdentity,
    instance: instance.optional(),
    report: name(),
    /** The probe order that it answers. */
    order: name().optional(),
    profile: profileSchema,
    /** The model as it was planned when it was measured; absent when the coordinator has it. */
    chain: chainSchema.optional(),
  }),
  ({ identity, profile: { device, model }, chain }, refuse) => {
    if (device.id !== identity.device)
      refuse(["profile", "device", "id"], device.id, `the reporting device, ${identity.device}`);
    if (chain !== undefined && chain.units.length !== model.unitCount)
      refuse(["chain", "units"], chain.units, `the profile's ${model.unitCount} units`);
  },
);

export const reportProfileResponse = object({
  isDuplicate: flag(),
  revision: whole(1),
  /** The coordinator has no chain of this model: send the report again, with it. */
  needsChain: flag(),
  doubledBy,
});

/** Delivers a part of a longer request; the last one stores it. What has arrived is not sent again. */
export type PartRequest = Fact<ReturnType<typeof partRequest>>;
export function partRequest(maxBytes: number) {
  return object({
    identity: deviceIdentity,
    instance: instance.optional(),
    /** Of the whole: the request without its instance, compressed with gzip. */
    digest: digest(),
    totalBytes: whole(1, maxBytes),
    offset: whole(0, maxBytes),
    /** Absent: asks what has arrived. */
    part: bytes(1, LIMITS.partBytes).optional(),
  });
}
export const reportProfilePartRequest = partRequest(LIMITS.profileBytes);

/** How much has arrived; with all of it, what became of it. */
export const reportProfilePartResponse = object({
  arrivedBytes: whole(0, LIMITS.profileBytes),
  answer: reportProfileResponse.optional(),
});

/** Fetches a part of the profile that a probe order names; what has arrived is not sent again. */
export type FetchProfileRequest = Fact<typeof fetchProfileRequest>;
export const fetchProfileRequest = object({
  identity: deviceIdentity,
  instance: instance.optional(),
  model: name(),
  sharedFrom: name(),
  /** What a step may take on the asking device now. */
  memoryBytes: byteCount(),
  offset: whole(0, LIMITS.profileBytes),
});

/** What lies there; with the first part, what the device would run by this profile. */
export type FetchProfileResponse = Fact<typeof fetchProfileResponse>;
export const fetchProfileResponse = object({
  /** Of the whole: a profile, compressed with gzip. */
  digest: digest(),
  totalBytes: whole(1, LIMITS.profileBytes),
  part: bytes(1, LIMITS.partBytes),
  rung: predictionSchema.optional(),
});

/** What became of a document; `confirmed`, `failed` and `refused` are final for their version. */
export type DocumentState = DocumentStatus["state"];

/** What became of a document on a device. */
export type DocumentStatus = Fact<typeof documentStatus>;
export const documentStatus = object({
  version: documentVersion,
  state: word(["accepted", "applied", "confirmed", "failed", "refused"]),
  rung: rungIndex.optional(),
  message,
});

/** How a retraining window ended. */
export type WindowOutcome = WindowResult["outcome"];
export const WINDOW_OUTCOMES = [
  "replaced",
  "kept-old",
  "over-memory",
  "out-of-time",
  "failed",
  "cancelled",
  "checked",
] as const;

const { peakBytes } = measuredSchema.shape;

/** One retraining: what was predicted (in `rung`) and what was seen. What was not measured is absent. */
export type WindowResult = Fact<typeof windowResult>;
export const windowResult = object({
  window: name(),
  model: name(),
  openedAtMs: timestampMs(),
  rung: predictionSchema,
  outcome: word(WINDOW_OUTCOMES),
  peakBytes,
  durationMs: durationMs(),
  steps: whole(0, MAX_COUNT),
  /** Of single steps, the first left out. */
  stepMs: list(durationMs(), 0, MAX_REPEATS),
  /** Outside its steps: starting, loading, labelling, judging, writing. */
  overheadMs: durationMs().optional(),
  judgement: judgeSchema.optional(),
  judgedSamples: whole(1, MAX_COUNT).optional(),
  /** That it ran under. */
  document: documentVersion.optional(),
  /** What another device has learned of a like drift, where it was given some, and whether it started from that. */
  start: object({ adaptation: name(), device: name(), isTaken: flag() }).optional(),
  accuracyBefore: share().optional(),
  accuracyAfter: share().optional(),
  message,
  receivedAtMs,
});

/** A probe that ended without a profile. Times are the device's. */
export type ProbeFailure = Fact<typeof probeFailure>;
export const probeFailure = object({
  model: name(),
  failedAtMs: timestampMs(),
  /** In a row, this one included. */
  failures: whole(1, MAX_COUNT),
  /** When it is tried again at the earliest. */
  retryAtMs: timestampMs(),
  message,
  receivedAtMs,
});

/** The inputs of a model are no longer those that it did well on. */
export type DriftSeen = Fact<typeof driftSeen>;
export const driftSeen = object({ model: name(), message });

/** What is reported of: a document, a window, a probe or a drift. */
export type ReportedStatus = ReportStatusRequest["status"];

/** Delivers what became of a document, a window or a probe, and drifts. */
export type ReportStatusRequest = Fact<typeof reportStatusRequest>;
export const reportStatusRequest = object({
  identity: deviceIdentity,
  instance: instance.optional(),
  report: name(),
  /** Rises with every report of a device. */
  sequence: whole(1),
  reportedAtMs: timestampMs(),
  status: choice({
    document: { document: documentStatus },
    window: { window: windowResult },
    probe: { probe: probeFailure },
    drift: { drift: driftSeen },
  }),
});

export const reportStatusResponse = object({ isDuplicate: flag(), desiredVersion: documentVersion.optional() });
