import type { Fact } from "@mpo/core";
import type * as z from "zod";
import { LIMITS } from "./limits.ts";
import { type MessageCodec, messageCodec } from "./message-codec.ts";
import * as adaptation from "./messages/adaptation.ts";
import * as admin from "./messages/admin.ts";
import * as artifact from "./messages/artifact.ts";
import * as identity from "./messages/identity.ts";
import * as link from "./messages/link.ts";
import * as report from "./messages/report.ts";
import * as rollout from "./messages/rollout.ts";
import * as search from "./messages/search.ts";
import * as selection from "./messages/selection.ts";

/** One call of a service, with the codecs of what it takes and gives. */
export interface Method<Request, Response> {
  /** "/mpo.v1.FleetService/Hello". */
  readonly path: string;
  readonly request: MessageCodec<Request>;
  readonly response: MessageCodec<Response>;
  /** Whether the answer is a stream. Requests never are. */
  readonly isStream: boolean;
}

/** The call of one request and one answer. */
export interface UnaryMethod<Request, Response> extends Method<Request, Response> {
  readonly isStream: false;
}

/** The call that is answered by a stream. */
export interface StreamMethod<Request, Response> extends Method<Request, Response> {
  readonly isStream: true;
}

/** What a call takes, and what it gives. */
export type RequestOf<Call> = Call extends Method<infer Request, unknown> ? Request : never;
export type ResponseOf<Call> = Call extends Method<unknown, infer Response> ? Response : never;

interface MethodOptions {
  /** Longest messages, where they are not of the usual length. */
  readonly requestBytes?: number;
  readonly responseBytes?: number;
  /** Whether a request is stored and sent on as the bytes that came. */
  readonly keepsBytes?: boolean;
}

/** Makes the methods of a service; their messages are named by the call. */
function service(name: string, usualBytes: number) {
  const method = <Request extends z.ZodObject, Response extends z.ZodObject>(
    call: string,
    request: Request,
    response: Response,
    { requestBytes = usualBytes, responseBytes = usualBytes, keepsBytes = false }: MethodOptions = {},
  ) => ({
    path: `/mpo.v1.${name}/${call}`,
    request: messageCodec(`${call}Request`, request, requestBytes, { keepsBytes }),
    response: messageCodec(`${call}Response`, response, responseBytes),
  });
  return {
    unary: <Request extends z.ZodObject, Response extends z.ZodObject>(
      ...call: Parameters<typeof method<Request, Response>>
    ): UnaryMethod<Fact<Request>, Fact<Response>> => ({ ...method(...call), isStream: false }),
    stream: <Request extends z.ZodObject, Response extends z.ZodObject>(
      ...call: Parameters<typeof method<Request, Response>>
    ): StreamMethod<Fact<Request>, Fact<Response>> => ({ ...method(...call), isStream: true }),
  };
}

const { unary } = service("FleetService", LIMITS.deviceMessageBytes);

/** What agents ask of a coordinator. */
export type FleetServiceMethods = typeof FLEET_SERVICE;
export const FLEET_SERVICE = {
  enroll: unary("Enroll", link.enrollRequest, link.enrollResponse),
  // May carry probe orders with full schedules.
  hello: unary("Hello", link.helloRequest, link.helloResponse, { responseBytes: LIMITS.profileBytes }),
  reportProfile: unary("ReportProfile", report.reportProfileRequest, report.reportProfileResponse, {
    requestBytes: LIMITS.profileBytes,
    keepsBytes: true,
  }),
  reportProfilePart: unary("ReportProfilePart", report.reportProfilePartRequest, report.reportProfilePartResponse),
  fetchProfile: unary("FetchProfile", report.fetchProfileRequest, report.fetchProfileResponse),
  reportStatus: unary("ReportStatus", report.reportStatusRequest, report.reportStatusResponse, {
    keepsBytes: true,
  }),
  heartbeat: unary("Heartbeat", link.heartbeatRequest, link.heartbeatResponse),
  getArtifact: unary("GetArtifact", artifact.getArtifactRequest, artifact.getArtifactResponse, {
    responseBytes: LIMITS.artifactBytes + 1_024,
  }),
  getArtifactChunk: unary("GetArtifactChunk", artifact.getArtifactChunkRequest, artifact.getArtifactChunkResponse, {
    responseBytes: LIMITS.chunkBytes + 1_024,
  }),
  reportAdaptation: unary("ReportAdaptation", adaptation.reportAdaptationRequest, adaptation.reportAdaptationResponse, {
    requestBytes: LIMITS.adaptationBytes,
  }),
  reportAdaptationPart: unary(
    "ReportAdaptationPart",
    adaptation.reportAdaptationPartRequest,
    adaptation.reportAdaptationPartResponse,
  ),
  fetchAdaptation: unary("FetchAdaptation", adaptation.fetchAdaptationRequest, adaptation.fetchAdaptationResponse),
};

const { unary: ask, stream: watch } = service("AdminService", LIMITS.adminMessageBytes);

/** What people and programs ask of a coordinator. */
export type AdminServiceMethods = typeof ADMIN_SERVICE;
export const ADMIN_SERVICE = {
  listDevices: ask("ListDevices", admin.listDevicesRequest, admin.listDevicesResponse),
  getDevice: ask("GetDevice", admin.getDeviceRequest, admin.getDeviceResponse),
  listResources: ask("ListResources", admin.listResourcesRequest, admin.listResourcesResponse),
  retireDevice: ask("RetireDevice", admin.retireDeviceRequest, admin.retireDeviceResponse),
  removeDevice: ask("RemoveDevice", admin.removeDeviceRequest, admin.removeDeviceResponse),
  renameDevice: ask("RenameDevice", admin.renameDeviceRequest, admin.renameDeviceResponse),
  decideDevice: ask("DecideDevice", admin.decideDeviceRequest, admin.decideDeviceResponse),
  refreshDevice: ask("RefreshDevice", admin.refreshDeviceRequest, admin.refreshDeviceResponse),
  probeDevice: ask("ProbeDevice", admin.probeDeviceRequest, admin.probeDeviceResponse),
  saveGroup: ask("SaveGroup", selection.saveGroupRequest, selection.saveGroupResponse),
  listGroups: ask("ListGroups", selection.listGroupsRequest, selection.listGroupsResponse),
  removeGroup: ask("RemoveGroup", selection.removeGroupRequest, selection.removeGroupResponse),
  listProfiles: ask("ListProfiles", admin.listProfilesRequest, admin.listProfilesResponse),
  getProfile: ask("GetProfile", admin.getProfileRequest, admin.getProfileResponse),
  getConfig: ask("GetConfig", admin.getConfigRequest, admin.getConfigResponse),
  explainConfig: ask("ExplainConfig", admin.explainConfigRequest, admin.explainConfigResponse),
  tryBudget: ask("TryBudget", search.tryBudgetRequest, search.tryBudgetResponse),
  pushConfig: ask("PushConfig", admin.pushConfigRequest, admin.pushConfigResponse),
  rollbackConfig: ask("RollbackConfig", admin.rollbackConfigRequest, admin.rollbackConfigResponse),
  listEvents: ask("ListEvents", admin.listEventsRequest, admin.listEventsResponse),
  watchEvents: watch("WatchEvents", admin.watchEventsRequest, admin.watchEventsResponse),
  whoAmI: ask("WhoAmI", identity.whoAmIRequest, identity.whoAmIResponse),
  createConsoleCode: ask("CreateConsoleCode", identity.createConsoleCodeRequest, identity.createConsoleCodeResponse),
  listEnrolments: ask("ListEnrolments", identity.listEnrolmentsRequest, identity.listEnrolmentsResponse),
  decideEnrolment: ask("DecideEnrolment", identity.decideEnrolmentRequest, identity.decideEnrolmentResponse),
  preauthoriseDevices: ask(
    "PreauthoriseDevices",
    identity.preauthoriseDevicesRequest,
    identity.preauthoriseDevicesResponse,
  ),
  labelDevice: ask("LabelDevice", identity.labelDeviceRequest, identity.labelDeviceResponse),
  createJoinTokens: ask("CreateJoinTokens", identity.createJoinTokensRequest, identity.createJoinTokensResponse),
  listJoinTokens: ask("ListJoinTokens", identity.listJoinTokensRequest, identity.listJoinTokensResponse),
  revokeJoinToken: ask("RevokeJoinToken", identity.revokeJoinTokenRequest, identity.revokeJoinTokenResponse),
  createAccessToken: ask("CreateAccessToken", identity.createAccessTokenRequest, identity.createAccessTokenResponse),
  listAccessTokens: ask("ListAccessTokens", identity.listAccessTokensRequest, identity.listAccessTokensResponse),
  revokeAccessToken: ask("RevokeAccessToken", identity.revokeAccessTokenRequest, identity.revokeAccessTokenResponse),
  getAuthority: ask("GetAuthority", identity.getAuthorityRequest, identity.getAuthorityResponse),
  rotateAuthority: ask("RotateAuthority", identity.rotateAuthorityRequest, identity.rotateAuthorityResponse),
  rotateKeys: ask("RotateKeys", identity.rotateKeysRequest, identity.rotateKeysResponse),
  installKeys: ask("InstallKeys", identity.installKeysRequest, identity.installKeysResponse),
  findMissingChunks: ask("FindMissingChunks", artifact.findMissingChunksRequest, artifact.findMissingChunksResponse),
  putChunk: ask("PutChunk", artifact.putChunkRequest, artifact.putChunkResponse),
  publishModel: ask("PublishModel", artifact.publishModelRequest, artifact.publishModelResponse),
  listPublishedModels: ask(
    "ListPublishedModels",
    artifact.listPublishedModelsRequest,
    artifact.listPublishedModelsResponse,
  ),
  getPublishedModel: ask("GetPublishedModel", artifact.getPublishedModelRequest, artifact.getPublishedModelResponse),
  removePublishedModel: ask(
    "RemovePublishedModel",
    artifact.removePublishedModelRequest,
    artifact.removePublishedModelResponse,
  ),
  listAdaptations: ask("ListAdaptations", adaptation.listAdaptationsRequest, adaptation.listAdaptationsResponse),
  removeAdaptation: ask("RemoveAdaptation", adaptation.removeAdaptationRequest, adaptation.removeAdaptationResponse),
  planRollout: ask("PlanRollout", rollout.planRolloutRequest, rollout.planRolloutResponse),
  getRollout: ask("GetRollout", rollout.getRolloutRequest, rollout.getRolloutResponse),
  listRollouts: ask("ListRollouts", rollout.listRolloutsRequest, rollout.listRolloutsResponse),
  listRolloutDevices: ask("ListRolloutDevices", rollout.listRolloutDevicesRequest, rollout.listRolloutDevicesResponse),
  changeRollout: ask("ChangeRollout", rollout.changeRolloutRequest, rollout.changeRolloutResponse),
  removeRollout: ask("RemoveRollout", rollout.removeRolloutRequest, rollout.removeRolloutResponse),
  verifyEvents: watch("VerifyEvents", admin.verifyEventsRequest, admin.verifyEventsResponse),
};

const OPEN_CALLS: readonly string[] = [FLEET_SERVICE.enroll.path, ADMIN_SERVICE.getAuthority.path];

/** Whether those may make a call who prove nothing: a device that joins, and a person who asks where to log in. */
export function isOpenCall(path: string): boolean {
  return OPEN_CALLS.includes(path);
}
