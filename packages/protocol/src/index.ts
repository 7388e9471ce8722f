export { asLine } from "./as-line.ts";
export { type Json, jsonOfAnswer, requestOfJson } from "./json/json-form.ts";
export { openApi } from "./json/openapi.ts";
export { LIMITS } from "./limits.ts";
export type {
  Adaptation,
  AdaptationView,
  FetchAdaptationRequest,
  ReportAdaptationRequest,
} from "./messages/adaptation.ts";
export type {
  DeviceView,
  EventFinding,
  Explanation,
  FleetEvent,
  GetConfigResponse,
  GetProfileResponse,
  ListEventsResponse,
  ListProfilesResponse,
  PageRequest,
  RejectedRung,
  ResourcePoint,
  VerifyEventsResponse,
} from "./messages/admin.ts";
export {
  type ArtifactFile,
  type ArtifactManifest,
  artifactBytes,
  artifactDigest,
  artifactManifestCodec,
  type PublishedModel,
  versionName,
} from "./messages/artifact.ts";
export type {
  ArtifactVersion,
  Condition,
  DeviceIdentity,
  Doing,
  Gpu,
  Instance,
  Inventory,
  Label,
  Resources,
  ServedModel,
} from "./messages/device.ts";
export { MAX_CONDITIONS, MAX_EARLIER, MAX_LABELS } from "./messages/device.ts";
export {
  compareVersions,
  type DesiredDocument,
  type DesiredEnvelope,
  type DocumentSignature,
  type DocumentVersion,
  desiredDocumentCodec,
  desiredEnvelopeCodec,
  MAX_REASONS,
  type Reason,
} from "./messages/document.ts";
export {
  type AccessTokenView,
  type DeviceCredentials,
  type EnrolmentState,
  type EnrolmentView,
  type GetAuthorityResponse,
  type JoinTokenView,
  ROLES,
  type Role,
} from "./messages/identity.ts";
export type {
  EnrollRequest,
  EnrollResponse,
  HeartbeatRequest,
  HeartbeatResponse,
  HelloRequest,
  HelloResponse,
  ProbeOrder,
} from "./messages/link.ts";
export type {
  DocumentState,
  DocumentStatus,
  FetchProfileRequest,
  FetchProfileResponse,
  PartRequest,
  ProbeFailure,
  ReportedStatus,
  ReportProfileRequest,
  ReportStatusRequest,
  WindowOutcome,
  WindowResult,
} from "./messages/report.ts";
export { WINDOW_OUTCOMES } from "./messages/report.ts";
export type {
  Forecast,
  LeftOut,
  PlannedShare,
  RolloutDevice,
  RolloutView,
  StateCount,
  WaveView,
} from "./messages/rollout.ts";
export { MAX_MOMENTS, MAX_TRIED, type MicroBatchFound, type StepMoment, type TriedConfig } from "./messages/search.ts";
export { type GroupView, MAX_GROUPS } from "./messages/selection.ts";
export { GIVES_DOCUMENTS, PROTOCOL, requireProtocol } from "./protocol-version.ts";
export { reportedDigest } from "./reported-digest.ts";
export * as schemas from "./schemas.ts";
export { decidingFiles, servedDigest } from "./served-digest.ts";
export {
  ADMIN_SERVICE,
  type AdminServiceMethods,
  FLEET_SERVICE,
  type FleetServiceMethods,
  isOpenCall,
  type Method,
  type RequestOf,
  type ResponseOf,
  type StreamMethod,
  type UnaryMethod,
} from "./services.ts";
export { errorFromStatus, GRPC_STATUS, statusFromError } from "./status.ts";
export { chainCodec, explanationCodec, profileCodec, windowResultCodec } from "./stored.ts";
export { auditSubject, deviceKey, FLEET_TENANT, notifySubject, parseDeviceKey, priorKey } from "./subjects.ts";
