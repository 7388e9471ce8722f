import {
  type Fact,
  fact,
  judgeSchema,
  MAX_COUNT,
  MAX_NORMALISATION_BYTES,
  MAX_SIGNATURE_VALUE,
  SIGNATURE_LENGTH,
} from "@mpo/core";
import { LIMITS } from "../limits.ts";
import { pageSize, pageToken } from "./admin.ts";
import { deviceIdentity, instance } from "./device.ts";
import { partRequest } from "./report.ts";

const { bytes, digest, flag, list, name, number, object, share, timestampMs, whole } = fact;

const parameterBytes = whole(1, MAX_NORMALISATION_BYTES);
export const signature = list(number(-MAX_SIGNATURE_VALUE, MAX_SIGNATURE_VALUE), SIGNATURE_LENGTH, SIGNATURE_LENGTH);

/** How well something that was learned has done where it was learned. */
const judged = {
  judgement: judgeSchema,
  accuracyBefore: share(),
  accuracyAfter: share(),
  samples: whole(1, MAX_COUNT),
};

/** Which model it is of: the manifest is that of the model as it was deployed. */
const ofModel = { model: name(), manifestDigest: digest() };

/** What a device has learned of a drift, all but the parameters. */
export const adaptationFacts = object({ ...ofModel, signature, ...judged });

/** What a device has learned of a drift: parameters of a model's normalisation layers. No input, and no label. */
export type Adaptation = Fact<typeof adaptation>;
const adaptation = object({ ...adaptationFacts.shape, parameters: bytes(1, MAX_NORMALISATION_BYTES) });

/** Delivers it. A report of a name that was stored before is not stored again. */
export type ReportAdaptationRequest = Fact<typeof reportAdaptationRequest>;
export const reportAdaptationRequest = object({
  identity: deviceIdentity,
  instance: instance.optional(),
  report: name(),
  adaptation,
});
export const reportAdaptationResponse = object({ isDuplicate: flag(), isKept: flag() });

/** Delivers a part of it, as a part of a profile is. */
export const reportAdaptationPartRequest = partRequest(LIMITS.adaptationBytes);
export const reportAdaptationPartResponse = object({
  arrivedBytes: whole(0, LIMITS.adaptationBytes),
  answer: reportAdaptationResponse.optional(),
});

/** Fetches a part of what was learned of the nearest drift. */
export type FetchAdaptationRequest = Fact<typeof fetchAdaptationRequest>;
export const fetchAdaptationRequest = object({
  identity: deviceIdentity,
  instance: instance.optional(),
  ...ofModel,
  signature,
  /** Of which the next part is wanted; absent: the nearest. */
  adaptation: name().optional(),
  offset: whole(0, MAX_NORMALISATION_BYTES),
});
/** Absent: none is near enough. */
const foundAdaptation = object({
  adaptation: name(),
  device: name(),
  /** Of the parameters. */
  digest: digest(),
  totalBytes: parameterBytes,
  part: bytes(1, LIMITS.partBytes),
});
export const fetchAdaptationResponse = object({ found: foundAdaptation.optional() });

/** What was learned of a drift, as the coordinator lists it. */
export type AdaptationView = Fact<typeof adaptationView>;
const adaptationView = object({
  adaptation: name(),
  ...ofModel,
  device: name(),
  receivedAtMs: timestampMs(),
  ...judged,
  bytes: parameterBytes,
  /** Devices that have started from it and serve the result, and those that were given it and do not. */
  helped: whole(0, MAX_COUNT),
  refused: whole(0, MAX_COUNT),
  isOffered: flag(),
});

export const listAdaptationsRequest = object({ tenant: name(), model: name().optional(), pageSize, pageToken });
export const listAdaptationsResponse = object({
  adaptations: list(adaptationView, 0, 1_000),
  nextPageToken: pageToken,
});

export const removeAdaptationRequest = object({ tenant: name(), adaptation: name() });
export const removeAdaptationResponse = object({ device: name() });
