import {
  budgetSchema,
  configSchema,
  type Fact,
  fact,
  MAX_UINT32,
  MESSAGE_LENGTH,
  METHOD_NAMES,
  objectiveSchema,
  predictionSchema,
  profileSchema,
  REASON_LENGTH,
} from "@mpo/core";
import {
  artifactVersion,
  conditions,
  deviceIdentity,
  doing,
  inventory,
  labels,
  resources,
  servedModels,
} from "./device.ts";
import { desiredDocument, documentVersion, reason } from "./document.ts";
import { documentStatus, probeFailure, windowResult } from "./report.ts";
import { where } from "./selection.ts";

const { choice, digest, flag, list, name, object, text, timestampMs, whole, word } = fact;

export const pageSize = whole(1, 1_000);
export const pageToken = text(1, 256).optional();
const why = text(0, REASON_LENGTH);

/** A page of a list: how many, and where the page before ended. */
export type PageRequest = Pick<Fact<typeof listDevicesRequest>, "pageSize" | "pageToken">;

/** What the coordinator knows of a device. */
export type DeviceView = Fact<typeof device>;
const device = object({
  identity: deviceIdentity,
  inventory,
  resources,
  labels,
  models: servedModels,
  presence: word(["online", "offline"]),
  lastSeenMs: timestampMs(),
  desiredVersion: documentVersion.optional(),
  desiredModel: name().optional(),
  reportedStatus: documentStatus.optional(),
  retiredAtMs: timestampMs().optional(),
  conditions,
  /** Absent: it is idle, or not heard of. */
  doing: doing.optional(),
});

/** Asks for the devices that a filter chooses; without one, for all. */
export const listDevicesRequest = object({
  tenant: name(),
  where: where.optional(),
  pageSize,
  pageToken,
});

export const listDevicesResponse = object({
  devices: list(device, 0, 1_000),
  nextPageToken: pageToken,
  serverTimeMs: timestampMs(),
});

export const getDeviceRequest = object({ identity: deviceIdentity });

/** A device, its latest windows, newest first, and the models whose newest probe failed. */
export const getDeviceResponse = object({
  device,
  windows: list(windowResult, 0, 64),
  probeFailures: list(probeFailure, 0, 32),
  serverTimeMs: timestampMs(),
});

/** How a device has fared: of each stretch of time the least memory that was free, and the most load and heat. */
export const listResourcesRequest = object({ identity: deviceIdentity });

const { memoryAvailableBytes, loadAverage, temperatureCelsius } = resources.shape;

/** The worst of one stretch. */
export type ResourcePoint = Fact<typeof resourcePoint>;
const resourcePoint = object({ fromMs: timestampMs(), memoryAvailableBytes, loadAverage, temperatureCelsius });

/** Oldest first; stretches in which nothing was heard are left out. */
export const listResourcesResponse = object({ slotMs: whole(1), points: list(resourcePoint, 0, 288) });

/** Retires a device: it leaves counts, metrics and lists, and stays known. */
export const retireDeviceRequest = object({ identity: deviceIdentity, reason: why });

export const retireDeviceResponse = object({ retiredAtMs: timestampMs() });

/** Gives a device another name. */
export const renameDeviceRequest = object({ identity: deviceIdentity, newName: name(), reason: why });

export const renameDeviceResponse = object({ identity: deviceIdentity });

/** Removes a device and all that it has reported. */
export const removeDeviceRequest = object({ identity: deviceIdentity, reason: why });

/** What is gone with it. */
export const removeDeviceResponse = object({ profileCount: whole(0, MAX_UINT32) });
/** Says which of two agents under one name is the device: the one whose instance begins with `keep`. */
export const decideDeviceRequest = object({ identity: deviceIdentity, keep: name(), reason: why });

/** Both in words. */
export const decideDeviceResponse = object({ kept: text(1, MESSAGE_LENGTH), parked: text(1, MESSAGE_LENGTH) });

/** Asks a device to report again all that it has reported of itself. */
export const refreshDeviceRequest = object({ identity: deviceIdentity });

/** It is asked with its next heartbeat. */
export const refreshDeviceResponse = object({ askedAtMs: timestampMs() });

/** Asks a device to measure a model again; no model: all that it serves. */
export const probeDeviceRequest = object({ identity: deviceIdentity, model: name().optional() });

/** It is asked with its next heartbeat. */
export const probeDeviceResponse = object({ models: list(name(), 0, 32) });

export const listProfilesRequest = object({
  tenant: name(),
  device: name().optional(),
  model: name().optional(),
  pageSize,
  pageToken,
});

/** A profile without its measurements. */
const profileSummary = object({
  identity: deviceIdentity,
  model: name(),
  graphDigest: digest(),
  deviceClass: name(),
  measuredAtMs: timestampMs(),
  stepCount: whole(0, 4_096),
  curveCount: whole(0, 1_024),
  revision: whole(1),
  receivedAtMs: timestampMs(),
  /** Absent: the device measured it itself. */
  sharedFrom: name().optional(),
});

export type ListProfilesResponse = Fact<typeof listProfilesResponse>;
export const listProfilesResponse = object({
  profiles: list(profileSummary, 0, 1_000),
  nextPageToken: pageToken,
  serverTimeMs: timestampMs(),
});

export const getProfileRequest = object({ identity: deviceIdentity, model: name() });

export type GetProfileResponse = Fact<typeof getProfileResponse>;
export const getProfileResponse = object({
  profile: profileSchema,
  revision: whole(1),
  receivedAtMs: timestampMs(),
  serverTimeMs: timestampMs(),
});

/** Asks for a document; no version: the newest. */
export const getConfigRequest = object({ identity: deviceIdentity, version: documentVersion.optional() });

/** A document, and what the device has reported of it. */
export type GetConfigResponse = Fact<typeof getConfigResponse>;
export const getConfigResponse = object({ document: desiredDocument, status: documentStatus.optional() });

/** Asks why a device's document is what it is. */
export const explainConfigRequest = object({ identity: deviceIdentity });

/** A configuration that was looked at and not chosen, and why. */
export type RejectedRung = Fact<typeof rejectedRung>;
const rejectedRung = object({ rung: predictionSchema, reason });

/** What a search looked at. */
export type Explanation = Fact<typeof explanation>;
export const explanation = object({
  considered: whole(0, MAX_UINT32),
  overBudget: whole(0, MAX_UINT32),
  rejected: list(rejectedRung, 0, 64),
  /** What each method alone would bring, the best for the objective first; absent: there was only one. */
  methods: list(predictionSchema, 1, 16).optional(),
});

/** Why a device's document is what it is, beyond its own reasons. */
export const explainConfigResponse = object({ document: desiredDocument, explanation });

/** Gives a device a new document: with `config` if given, else searched again. */
export const pushConfigRequest = object({
  identity: deviceIdentity,
  model: name(),
  budget: budgetSchema.optional(),
  objective: objectiveSchema.optional(),
  config: configSchema.optional(),
  /** The published version that the device is to serve; absent: as before. */
  modelVersion: artifactVersion.shape.version.optional(),
  /** Absent: as before; `any`: those that the device says it may run. */
  methods: choice({ one: { method: word(METHOD_NAMES) }, any: {} }).optional(),
  /** Refused as a conflict when this is not the newest document any more. */
  expectedVersion: documentVersion.optional(),
  reason: why,
});

export const pushConfigResponse = object({ document: desiredDocument });

/** Gives a device an older document's content as a new version; no version: that of the newest confirmed one. */
export const rollbackConfigRequest = object({
  identity: deviceIdentity,
  version: documentVersion.optional(),
  /** Refused as a conflict when this is not the newest document any more. */
  expectedVersion: documentVersion.optional(),
  reason: why,
});

export const rollbackConfigResponse = object({ document: desiredDocument });

/** Something that happened in the fleet: who did what to which device. */
export type FleetEvent = Fact<typeof event>;
export const event = object({
  /** Position in the order of all events. */
  sequence: whole(1),
  atMs: timestampMs(),
  kind: name(),
  tenant: name(),
  device: name().optional(),
  actor: text(1, 128),
  message: text(0, MESSAGE_LENGTH),
});

/** Asks for events before a position (0: from the newest), newest first; with `afterSequence`, oldest first. */
export const listEventsRequest = object({
  tenant: name(),
  device: name().optional(),
  beforeSequence: whole(),
  pageSize,
  afterSequence: whole().optional(),
  sinceMs: timestampMs().optional(),
  untilMs: timestampMs().optional(),
});

/** Events in the order that was asked for. */
export type ListEventsResponse = Fact<typeof listEventsResponse>;
export const listEventsResponse = object({
  events: list(event, 0, 1_000),
  nextAfterSequence: whole().optional(),
});

/** Asks for events after a position (0: only new ones), as they happen. */
export const watchEventsRequest = object({ tenant: name(), device: name().optional(), afterSequence: whole() });

/** One event, as it happens. */
export const watchEventsResponse = object({ event });

/** Asks whether the events of all tenants are as they were written; since a moment, or all. */
export const verifyEventsRequest = object({ sinceMs: timestampMs().optional() });

/** Something that is not as it was written. */
export type EventFinding = Fact<typeof eventFinding>;
const eventFinding = object({
  kind: word(["changed", "missing", "moved", "seal"]),
  sequence: whole(),
  message: text(1, MESSAGE_LENGTH),
});

/** What was looked at so far, and what was found since the answer before. */
export type VerifyEventsResponse = Fact<typeof verifyEventsResponse>;
export const verifyEventsResponse = object({
  entries: whole(),
  writers: whole(),
  /** Written before events were linked: nothing vouches for them but what came after. */
  unchained: whole(),
  unsealed: whole(),
  firstSequence: whole(1).optional(),
  firstAtMs: timestampMs().optional(),
  lastSequence: whole(1).optional(),
  lastAtMs: timestampMs().optional(),
  findings: list(eventFinding, 0, 1_000),
  isDone: flag(),
});
