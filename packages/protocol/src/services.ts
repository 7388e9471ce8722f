import * as config from "./admin-config-codec.ts";
import * as devices from "./admin-devices-codec.ts";
import * as events from "./admin-events-codec.ts";
import * as enroll from "./enroll-codec.ts";
import * as hello from "./hello-codec.ts";
import type { MessageCodec } from "./message-codec.ts";
import * as report from "./report-codec.ts";

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

function unary<Request, Response>(
  path: string,
  request: MessageCodec<Request>,
  response: MessageCodec<Response>,
): UnaryMethod<Request, Response> {
  return { path, request, response, isStream: false };
}

function stream<Request, Response>(
  path: string,
  request: MessageCodec<Request>,
  response: MessageCodec<Response>,
): StreamMethod<Request, Response> {
  return { path, request, response, isStream: true };
}

/** What agents ask of a coordinator. */
export interface FleetServiceMethods {
  readonly enroll: UnaryMethod<enroll.EnrollRequest, enroll.EnrollResponse>;
  readonly hello: UnaryMethod<hello.HelloRequest, hello.HelloResponse>;
  readonly reportProfile: UnaryMethod<report.ReportProfileRequest, report.ReportProfileResponse>;
  readonly reportStatus: UnaryMethod<report.ReportStatusRequest, report.ReportStatusResponse>;
  readonly heartbeat: UnaryMethod<hello.HeartbeatRequest, hello.HeartbeatResponse>;
}

export const FLEET_SERVICE: FleetServiceMethods = {
  enroll: unary("/mpo.v1.FleetService/Enroll", enroll.enrollRequestCodec, enroll.enrollResponseCodec),
  hello: unary("/mpo.v1.FleetService/Hello", hello.helloRequestCodec, hello.helloResponseCodec),
  reportProfile: unary(
    "/mpo.v1.FleetService/ReportProfile",
    report.reportProfileRequestCodec,
    report.reportProfileResponseCodec,
  ),
  reportStatus: unary(
    "/mpo.v1.FleetService/ReportStatus",
    report.reportStatusRequestCodec,
    report.reportStatusResponseCodec,
  ),
  heartbeat: unary("/mpo.v1.FleetService/Heartbeat", hello.heartbeatRequestCodec, hello.heartbeatResponseCodec),
};

/** What people and programs ask of a coordinator. */
export interface AdminServiceMethods {
  readonly listDevices: UnaryMethod<devices.ListDevicesRequest, devices.ListDevicesResponse>;
  readonly getDevice: UnaryMethod<devices.GetDeviceRequest, devices.GetDeviceResponse>;
  readonly listProfiles: UnaryMethod<devices.ListProfilesRequest, devices.ListProfilesResponse>;
  readonly getProfile: UnaryMethod<devices.GetProfileRequest, devices.GetProfileResponse>;
  readonly getConfig: UnaryMethod<config.GetConfigRequest, config.GetConfigResponse>;
  readonly explainConfig: UnaryMethod<config.ExplainConfigRequest, config.ExplainConfigResponse>;
  readonly pushConfig: UnaryMethod<config.PushConfigRequest, config.PushConfigResponse>;
  readonly rollbackConfig: UnaryMethod<config.RollbackConfigRequest, config.RollbackConfigResponse>;
  readonly listEvents: UnaryMethod<events.ListEventsRequest, events.ListEventsResponse>;
  readonly watchEvents: StreamMethod<events.WatchEventsRequest, events.WatchEventsResponse>;
}

export const ADMIN_SERVICE: AdminServiceMethods = {
  listDevices: unary(
    "/mpo.v1.AdminService/ListDevices",
    devices.listDevicesRequestCodec,
    devices.listDevicesResponseCodec,
  ),
  getDevice: unary("/mpo.v1.AdminService/GetDevice", devices.getDeviceRequestCodec, devices.getDeviceResponseCodec),
  listProfiles: unary(
    "/mpo.v1.AdminService/ListProfiles",
    devices.listProfilesRequestCodec,
    devices.listProfilesResponseCodec,
  ),
  getProfile: unary("/mpo.v1.AdminService/GetProfile", devices.getProfileRequestCodec, devices.getProfileResponseCodec),
  getConfig: unary("/mpo.v1.AdminService/GetConfig", config.getConfigRequestCodec, config.getConfigResponseCodec),
  explainConfig: unary(
    "/mpo.v1.AdminService/ExplainConfig",
    config.explainConfigRequestCodec,
    config.explainConfigResponseCodec,
  ),
  pushConfig: unary("/mpo.v1.AdminService/PushConfig", config.pushConfigRequestCodec, config.pushConfigResponseCodec),
  rollbackConfig: unary(
    "/mpo.v1.AdminService/RollbackConfig",
    config.rollbackConfigRequestCodec,
    config.rollbackConfigResponseCodec,
  ),
  listEvents: unary("/mpo.v1.AdminService/ListEvents", events.listEventsRequestCodec, events.listEventsResponseCodec),
  watchEvents: stream(
    "/mpo.v1.AdminService/WatchEvents",
    events.watchEventsRequestCodec,
    events.watchEventsResponseCodec,
  ),
};
