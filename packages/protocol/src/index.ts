export type {
  ExplainConfigRequest,
  ExplainConfigResponse,
  GetConfigRequest,
  GetConfigResponse,
  PushConfigRequest,
  PushConfigResponse,
  RejectedRung,
  RollbackConfigRequest,
  RollbackConfigResponse,
} from "./admin-config-codec.ts";
export type {
  DeviceView,
  GetDeviceRequest,
  GetDeviceResponse,
  GetProfileRequest,
  GetProfileResponse,
  ListDevicesRequest,
  ListDevicesResponse,
  ListProfilesRequest,
  ListProfilesResponse,
  PageRequest,
} from "./admin-devices-codec.ts";
export {
  type FleetEvent,
  fleetEventCodec,
  type ListEventsRequest,
  type ListEventsResponse,
  type WatchEventsRequest,
  type WatchEventsResponse,
} from "./admin-events-codec.ts";
export { chainFromBytes, chainToBytes } from "./chain-codec.ts";
export {
  compareVersions,
  type DesiredDocument,
  type DesiredEnvelope,
  type DocumentSignature,
  type DocumentVersion,
  desiredDocumentCodec,
  desiredEnvelopeCodec,
  type Reason,
} from "./desired-codec.ts";
export type { DeviceIdentity, Gpu, Inventory, Label, Resources, ServedModel } from "./device-codec.ts";
export type { EnrollRequest, EnrollResponse } from "./enroll-codec.ts";
export { asLine, isName } from "./fields.ts";
export type { HeartbeatRequest, HeartbeatResponse, HelloRequest, HelloResponse, ProbeOrder } from "./hello-codec.ts";
export { LIMITS } from "./limits.ts";
export {
  type DocumentState,
  type DocumentStatus,
  type ProbeFailure,
  type ReportedStatus,
  type ReportProfileRequest,
  type ReportProfileResponse,
  type ReportStatusRequest,
  type ReportStatusResponse,
  reportProfileRequestCodec,
  reportStatusRequestCodec,
  type WindowOutcome,
  type WindowResult,
} from "./report-codec.ts";
export {
  ADMIN_SERVICE,
  type AdminServiceMethods,
  FLEET_SERVICE,
  type FleetServiceMethods,
  type Method,
  type StreamMethod,
  type UnaryMethod,
} from "./services.ts";
export { errorFromStatus, GRPC_STATUS, statusFromError } from "./status.ts";
export { auditSubject, deviceKey, notifySubject, parseDeviceKey, priorKey } from "./subjects.ts";
