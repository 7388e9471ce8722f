import type { Profile } from "@mpo/core";
import { list, type MessageField, message, optional, orEmpty } from "./composed-fields.ts";
import { type DocumentVersion, documentVersion } from "./desired-codec.ts";
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
import { choice, digest, integer, name, text, timestampMs, whole } from "./fields.ts";
import type { Device__Output } from "./gen/mpo/v1/Device.ts";
import type { GetDeviceRequest__Output } from "./gen/mpo/v1/GetDeviceRequest.ts";
import type { GetDeviceResponse__Output } from "./gen/mpo/v1/GetDeviceResponse.ts";
import type { GetProfileRequest__Output } from "./gen/mpo/v1/GetProfileRequest.ts";
import type { GetProfileResponse__Output } from "./gen/mpo/v1/GetProfileResponse.ts";
import type { ListDevicesRequest__Output } from "./gen/mpo/v1/ListDevicesRequest.ts";
import type { ListDevicesResponse__Output } from "./gen/mpo/v1/ListDevicesResponse.ts";
import type { ListProfilesRequest__Output } from "./gen/mpo/v1/ListProfilesRequest.ts";
import type { ListProfilesResponse__Output } from "./gen/mpo/v1/ListProfilesResponse.ts";
import type { ProfileSummary__Output } from "./gen/mpo/v1/ProfileSummary.ts";
import { LIMITS } from "./limits.ts";
import { type MessageCodec, messageCodec } from "./message-codec.ts";
import { profile } from "./profile-codec.ts";
import {
  type DocumentStatus,
  documentStatus,
  type ProbeFailure,
  probeFailure,
  type WindowResult,
  windowResult,
} from "./report-codec.ts";

/** What the coordinator knows of a device. */
export interface DeviceView {
  readonly identity: DeviceIdentity;
  readonly inventory: Inventory;
  readonly resources: Resources;
  readonly labels: readonly Label[];
  readonly models: readonly ServedModel[];
  readonly presence: "online" | "offline";
  readonly lastSeenMs: number;
  readonly desiredVersion?: DocumentVersion;
  readonly reportedStatus?: DocumentStatus;
}

/** A page of a list: how many, and where the page before ended. */
export interface PageRequest {
  /** 1 to 1000. */
  readonly pageSize: number;
  readonly pageToken?: string;
}

/** Asks for devices with all of these labels. */
export interface ListDevicesRequest extends PageRequest {
  readonly tenant: string;
  readonly labels: readonly Label[];
  readonly deviceClass?: string;
}

/** A page of devices. */
export interface ListDevicesResponse {
  readonly devices: readonly DeviceView[];
  readonly nextPageToken?: string;
}

/** Names a device. */
export interface GetDeviceRequest {
  readonly identity: DeviceIdentity;
}

/** A device, its latest windows, newest first, and the models whose newest probe failed. */
export interface GetDeviceResponse {
  readonly device: DeviceView;
  readonly windows: readonly WindowResult[];
  readonly probeFailures: readonly ProbeFailure[];
}

/** Asks for profiles. */
export interface ListProfilesRequest extends PageRequest {
  readonly tenant: string;
  readonly device?: string;
  readonly model?: string;
}

/** A profile without its measurements. */
export interface ProfileSummary {
  readonly identity: DeviceIdentity;
  readonly model: string;
  readonly modelDigest: string;
  readonly deviceClass: string;
  readonly measuredAtMs: number;
  readonly stepCount: number;
  readonly curveCount: number;
  readonly revision: number;
}

/** A page of profiles. */
export interface ListProfilesResponse {
  readonly profiles: readonly ProfileSummary[];
  readonly nextPageToken?: string;
}

/** Names a profile. */
export interface GetProfileRequest {
  readonly identity: DeviceIdentity;
  readonly model: string;
}

/** A profile and where it is stored. */
export interface GetProfileResponse {
  readonly profile: Profile;
  readonly revision: number;
}

const device: MessageField<DeviceView> = message<DeviceView, Device__Output>("Device", {
  identity: deviceIdentity,
  inventory,
  resources,
  labels,
  models: list(servedModel, { max: 32 }),
  presence: choice({ online: "PRESENCE_ONLINE", offline: "PRESENCE_OFFLINE" }),
  lastSeenMs: timestampMs(),
  desiredVersion: optional(documentVersion),
  reportedStatus: optional(documentStatus),
});

const page = { pageSize: integer({ min: 1, max: 1000 }), pageToken: orEmpty(text({ max: 256 })) } as const;
const nextPageToken = orEmpty(text({ max: 256 }));

const listDevicesRequest: MessageField<ListDevicesRequest> = message<ListDevicesRequest, ListDevicesRequest__Output>(
  "ListDevicesRequest",
  { tenant: name(), labels, deviceClass: orEmpty(name()), ...page },
);

const listDevicesResponse: MessageField<ListDevicesResponse> = message<
  ListDevicesResponse,
  ListDevicesResponse__Output
>("ListDevicesResponse", { devices: list(device, { max: 1000 }), nextPageToken });

const getDeviceRequest: MessageField<GetDeviceRequest> = message<GetDeviceRequest, GetDeviceRequest__Output>(
  "GetDeviceRequest",
  { identity: deviceIdentity },
);

const getDeviceResponse: MessageField<GetDeviceResponse> = message<GetDeviceResponse, GetDeviceResponse__Output>(
  "GetDeviceResponse",
  { device, windows: list(windowResult, { max: 64 }), probeFailures: list(probeFailure, { max: 32 }) },
);

const listProfilesRequest: MessageField<ListProfilesRequest> = message<
  ListProfilesRequest,
  ListProfilesRequest__Output
>("ListProfilesRequest", { tenant: name(), device: orEmpty(name()), model: orEmpty(name()), ...page });

const profileSummary: MessageField<ProfileSummary> = message<ProfileSummary, ProfileSummary__Output>("ProfileSummary", {
  identity: deviceIdentity,
  model: name(),
  modelDigest: digest(),
  deviceClass: name(),
  measuredAtMs: timestampMs(),
  stepCount: integer({ min: 0, max: 4096 }),
  curveCount: integer({ min: 0, max: 1024 }),
  revision: whole({ min: 1 }),
});

const listProfilesResponse: MessageField<ListProfilesResponse> = message<
  ListProfilesResponse,
  ListProfilesResponse__Output
>("ListProfilesResponse", { profiles: list(profileSummary, { max: 1000 }), nextPageToken });

const getProfileRequest: MessageField<GetProfileRequest> = message<GetProfileRequest, GetProfileRequest__Output>(
  "GetProfileRequest",
  { identity: deviceIdentity, model: name() },
);

const getProfileResponse: MessageField<GetProfileResponse> = message<GetProfileResponse, GetProfileResponse__Output>(
  "GetProfileResponse",
  { profile, revision: whole({ min: 1 }) },
);

const limit = LIMITS.adminMessageBytes;
export const listDevicesRequestCodec: MessageCodec<ListDevicesRequest> = messageCodec(listDevicesRequest, limit);
export const listDevicesResponseCodec: MessageCodec<ListDevicesResponse> = messageCodec(listDevicesResponse, limit);
export const getDeviceRequestCodec: MessageCodec<GetDeviceRequest> = messageCodec(getDeviceRequest, limit);
export const getDeviceResponseCodec: MessageCodec<GetDeviceResponse> = messageCodec(getDeviceResponse, limit);
export const listProfilesRequestCodec: MessageCodec<ListProfilesRequest> = messageCodec(listProfilesRequest, limit);
export const listProfilesResponseCodec: MessageCodec<ListProfilesResponse> = messageCodec(listProfilesResponse, limit);
export const getProfileRequestCodec: MessageCodec<GetProfileRequest> = messageCodec(getProfileRequest, limit);
export const getProfileResponseCodec: MessageCodec<GetProfileResponse> = messageCodec(getProfileResponse, limit);
