// Original file: mpo/v1/admin.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { ExplainConfigRequest as _mpo_v1_ExplainConfigRequest, ExplainConfigRequest__Output as _mpo_v1_ExplainConfigRequest__Output } from '../../mpo/v1/ExplainConfigRequest.ts';
import type { ExplainConfigResponse as _mpo_v1_ExplainConfigResponse, ExplainConfigResponse__Output as _mpo_v1_ExplainConfigResponse__Output } from '../../mpo/v1/ExplainConfigResponse.ts';
import type { GetConfigRequest as _mpo_v1_GetConfigRequest, GetConfigRequest__Output as _mpo_v1_GetConfigRequest__Output } from '../../mpo/v1/GetConfigRequest.ts';
import type { GetConfigResponse as _mpo_v1_GetConfigResponse, GetConfigResponse__Output as _mpo_v1_GetConfigResponse__Output } from '../../mpo/v1/GetConfigResponse.ts';
import type { GetDeviceRequest as _mpo_v1_GetDeviceRequest, GetDeviceRequest__Output as _mpo_v1_GetDeviceRequest__Output } from '../../mpo/v1/GetDeviceRequest.ts';
import type { GetDeviceResponse as _mpo_v1_GetDeviceResponse, GetDeviceResponse__Output as _mpo_v1_GetDeviceResponse__Output } from '../../mpo/v1/GetDeviceResponse.ts';
import type { GetProfileRequest as _mpo_v1_GetProfileRequest, GetProfileRequest__Output as _mpo_v1_GetProfileRequest__Output } from '../../mpo/v1/GetProfileRequest.ts';
import type { GetProfileResponse as _mpo_v1_GetProfileResponse, GetProfileResponse__Output as _mpo_v1_GetProfileResponse__Output } from '../../mpo/v1/GetProfileResponse.ts';
import type { ListDevicesRequest as _mpo_v1_ListDevicesRequest, ListDevicesRequest__Output as _mpo_v1_ListDevicesRequest__Output } from '../../mpo/v1/ListDevicesRequest.ts';
import type { ListDevicesResponse as _mpo_v1_ListDevicesResponse, ListDevicesResponse__Output as _mpo_v1_ListDevicesResponse__Output } from '../../mpo/v1/ListDevicesResponse.ts';
import type { ListEventsRequest as _mpo_v1_ListEventsRequest, ListEventsRequest__Output as _mpo_v1_ListEventsRequest__Output } from '../../mpo/v1/ListEventsRequest.ts';
import type { ListEventsResponse as _mpo_v1_ListEventsResponse, ListEventsResponse__Output as _mpo_v1_ListEventsResponse__Output } from '../../mpo/v1/ListEventsResponse.ts';
import type { ListProfilesRequest as _mpo_v1_ListProfilesRequest, ListProfilesRequest__Output as _mpo_v1_ListProfilesRequest__Output } from '../../mpo/v1/ListProfilesRequest.ts';
import type { ListProfilesResponse as _mpo_v1_ListProfilesResponse, ListProfilesResponse__Output as _mpo_v1_ListProfilesResponse__Output } from '../../mpo/v1/ListProfilesResponse.ts';
import type { PushConfigRequest as _mpo_v1_PushConfigRequest, PushConfigRequest__Output as _mpo_v1_PushConfigRequest__Output } from '../../mpo/v1/PushConfigRequest.ts';
import type { PushConfigResponse as _mpo_v1_PushConfigResponse, PushConfigResponse__Output as _mpo_v1_PushConfigResponse__Output } from '../../mpo/v1/PushConfigResponse.ts';
import type { RollbackConfigRequest as _mpo_v1_RollbackConfigRequest, RollbackConfigRequest__Output as _mpo_v1_RollbackConfigRequest__Output } from '../../mpo/v1/RollbackConfigRequest.ts';
import type { RollbackConfigResponse as _mpo_v1_RollbackConfigResponse, RollbackConfigResponse__Output as _mpo_v1_RollbackConfigResponse__Output } from '../../mpo/v1/RollbackConfigResponse.ts';
import type { WatchEventsRequest as _mpo_v1_WatchEventsRequest, WatchEventsRequest__Output as _mpo_v1_WatchEventsRequest__Output } from '../../mpo/v1/WatchEventsRequest.ts';
import type { WatchEventsResponse as _mpo_v1_WatchEventsResponse, WatchEventsResponse__Output as _mpo_v1_WatchEventsResponse__Output } from '../../mpo/v1/WatchEventsResponse.ts';

export interface AdminServiceClient extends grpc.Client {
  ExplainConfig(argument: _mpo_v1_ExplainConfigRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_mpo_v1_ExplainConfigResponse__Output>): grpc.ClientUnaryCall;
  ExplainConfig(argument: _mpo_v1_ExplainConfigRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_mpo_v1_ExplainConfigResponse__Output>): grpc.ClientUnaryCall;
  ExplainConfig(argument: _mpo_v1_ExplainConfigRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_mpo_v1_ExplainConfigResponse__Output>): grpc.ClientUnaryCall;
  ExplainConfig(argument: _mpo_v1_ExplainConfigRequest, callback: grpc.requestCallback<_mpo_v1_ExplainConfigResponse__Output>): grpc.ClientUnaryCall;
  explainConfig(argument: _mpo_v1_ExplainConfigRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_mpo_v1_ExplainConfigResponse__Output>): grpc.ClientUnaryCall;
  explainConfig(argument: _mpo_v1_ExplainConfigRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_mpo_v1_ExplainConfigResponse__Output>): grpc.ClientUnaryCall;
  explainConfig(argument: _mpo_v1_ExplainConfigRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_mpo_v1_ExplainConfigResponse__Output>): grpc.ClientUnaryCall;
  explainConfig(argument: _mpo_v1_ExplainConfigRequest, callback: grpc.requestCallback<_mpo_v1_ExplainConfigResponse__Output>): grpc.ClientUnaryCall;
  
  GetConfig(argument: _mpo_v1_GetConfigRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_mpo_v1_GetConfigResponse__Output>): grpc.ClientUnaryCall;
  GetConfig(argument: _mpo_v1_GetConfigRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_mpo_v1_GetConfigResponse__Output>): grpc.ClientUnaryCall;
  GetConfig(argument: _mpo_v1_GetConfigRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_mpo_v1_GetConfigResponse__Output>): grpc.ClientUnaryCall;
  GetConfig(argument: _mpo_v1_GetConfigRequest, callback: grpc.requestCallback<_mpo_v1_GetConfigResponse__Output>): grpc.ClientUnaryCall;
  getConfig(argument: _mpo_v1_GetConfigRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_mpo_v1_GetConfigResponse__Output>): grpc.ClientUnaryCall;
  getConfig(argument: _mpo_v1_GetConfigRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_mpo_v1_GetConfigResponse__Output>): grpc.ClientUnaryCall;
  getConfig(argument: _mpo_v1_GetConfigRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_mpo_v1_GetConfigResponse__Output>): grpc.ClientUnaryCall;
  getConfig(argument: _mpo_v1_GetConfigRequest, callback: grpc.requestCallback<_mpo_v1_GetConfigResponse__Output>): grpc.ClientUnaryCall;
  
  GetDevice(argument: _mpo_v1_GetDeviceRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_mpo_v1_GetDeviceResponse__Output>): grpc.ClientUnaryCall;
  GetDevice(argument: _mpo_v1_GetDeviceRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_mpo_v1_GetDeviceResponse__Output>): grpc.ClientUnaryCall;
  GetDevice(argument: _mpo_v1_GetDeviceRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_mpo_v1_GetDeviceResponse__Output>): grpc.ClientUnaryCall;
  GetDevice(argument: _mpo_v1_GetDeviceRequest, callback: grpc.requestCallback<_mpo_v1_GetDeviceResponse__Output>): grpc.ClientUnaryCall;
  getDevice(argument: _mpo_v1_GetDeviceRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_mpo_v1_GetDeviceResponse__Output>): grpc.ClientUnaryCall;
  getDevice(argument: _mpo_v1_GetDeviceRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_mpo_v1_GetDeviceResponse__Output>): grpc.ClientUnaryCall;
  getDevice(argument: _mpo_v1_GetDeviceRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_mpo_v1_GetDeviceResponse__Output>): grpc.ClientUnaryCall;
  getDevice(argument: _mpo_v1_GetDeviceRequest, callback: grpc.requestCallback<_mpo_v1_GetDeviceResponse__Output>): grpc.ClientUnaryCall;
  
  GetProfile(argument: _mpo_v1_GetProfileRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_mpo_v1_GetProfileResponse__Output>): grpc.ClientUnaryCall;
  GetProfile(argument: _mpo_v1_GetProfileRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_mpo_v1_GetProfileResponse__Output>): grpc.ClientUnaryCall;
  GetProfile(argument: _mpo_v1_GetProfileRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_mpo_v1_GetProfileResponse__Output>): grpc.ClientUnaryCall;
  GetProfile(argument: _mpo_v1_GetProfileRequest, callback: grpc.requestCallback<_mpo_v1_GetProfileResponse__Output>): grpc.ClientUnaryCall;
  getProfile(argument: _mpo_v1_GetProfileRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_mpo_v1_GetProfileResponse__Output>): grpc.ClientUnaryCall;
  getProfile(argument: _mpo_v1_GetProfileRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_mpo_v1_GetProfileResponse__Output>): grpc.ClientUnaryCall;
  getProfile(argument: _mpo_v1_GetProfileRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_mpo_v1_GetProfileResponse__Output>): grpc.ClientUnaryCall;
  getProfile(argument: _mpo_v1_GetProfileRequest, callback: grpc.requestCallback<_mpo_v1_GetProfileResponse__Output>): grpc.ClientUnaryCall;
  
  ListDevices(argument: _mpo_v1_ListDevicesRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_mpo_v1_ListDevicesResponse__Output>): grpc.ClientUnaryCall;
  ListDevices(argument: _mpo_v1_ListDevicesRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_mpo_v1_ListDevicesResponse__Output>): grpc.ClientUnaryCall;
  ListDevices(argument: _mpo_v1_ListDevicesRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_mpo_v1_ListDevicesResponse__Output>): grpc.ClientUnaryCall;
  ListDevices(argument: _mpo_v1_ListDevicesRequest, callback: grpc.requestCallback<_mpo_v1_ListDevicesResponse__Output>): grpc.ClientUnaryCall;
  listDevices(argument: _mpo_v1_ListDevicesRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_mpo_v1_ListDevicesResponse__Output>): grpc.ClientUnaryCall;
  listDevices(argument: _mpo_v1_ListDevicesRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_mpo_v1_ListDevicesResponse__Output>): grpc.ClientUnaryCall;
  listDevices(argument: _mpo_v1_ListDevicesRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_mpo_v1_ListDevicesResponse__Output>): grpc.ClientUnaryCall;
  listDevices(argument: _mpo_v1_ListDevicesRequest, callback: grpc.requestCallback<_mpo_v1_ListDevicesResponse__Output>): grpc.ClientUnaryCall;
  
  ListEvents(argument: _mpo_v1_ListEventsRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_mpo_v1_ListEventsResponse__Output>): grpc.ClientUnaryCall;
  ListEvents(argument: _mpo_v1_ListEventsRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_mpo_v1_ListEventsResponse__Output>): grpc.ClientUnaryCall;
  ListEvents(argument: _mpo_v1_ListEventsRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_mpo_v1_ListEventsResponse__Output>): grpc.ClientUnaryCall;
  ListEvents(argument: _mpo_v1_ListEventsRequest, callback: grpc.requestCallback<_mpo_v1_ListEventsResponse__Output>): grpc.ClientUnaryCall;
  listEvents(argument: _mpo_v1_ListEventsRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_mpo_v1_ListEventsResponse__Output>): grpc.ClientUnaryCall;
  listEvents(argument: _mpo_v1_ListEventsRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_mpo_v1_ListEventsResponse__Output>): grpc.ClientUnaryCall;
  listEvents(argument: _mpo_v1_ListEventsRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_mpo_v1_ListEventsResponse__Output>): grpc.ClientUnaryCall;
  listEvents(argument: _mpo_v1_ListEventsRequest, callback: grpc.requestCallback<_mpo_v1_ListEventsResponse__Output>): grpc.ClientUnaryCall;
  
  ListProfiles(argument: _mpo_v1_ListProfilesRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_mpo_v1_ListProfilesResponse__Output>): grpc.ClientUnaryCall;
  ListProfiles(argument: _mpo_v1_ListProfilesRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_mpo_v1_ListProfilesResponse__Output>): grpc.ClientUnaryCall;
  ListProfiles(argument: _mpo_v1_ListProfilesRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_mpo_v1_ListProfilesResponse__Output>): grpc.ClientUnaryCall;
  ListProfiles(argument: _mpo_v1_ListProfilesRequest, callback: grpc.requestCallback<_mpo_v1_ListProfilesResponse__Output>): grpc.ClientUnaryCall;
  listProfiles(argument: _mpo_v1_ListProfilesRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_mpo_v1_ListProfilesResponse__Output>): grpc.ClientUnaryCall;
  listProfiles(argument: _mpo_v1_ListProfilesRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_mpo_v1_ListProfilesResponse__Output>): grpc.ClientUnaryCall;
  listProfiles(argument: _mpo_v1_ListProfilesRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_mpo_v1_ListProfilesResponse__Output>): grpc.ClientUnaryCall;
  listProfiles(argument: _mpo_v1_ListProfilesRequest, callback: grpc.requestCallback<_mpo_v1_ListProfilesResponse__Output>): grpc.ClientUnaryCall;
  
  PushConfig(argument: _mpo_v1_PushConfigRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_mpo_v1_PushConfigResponse__Output>): grpc.ClientUnaryCall;
  PushConfig(argument: _mpo_v1_PushConfigRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_mpo_v1_PushConfigResponse__Output>): grpc.ClientUnaryCall;
  PushConfig(argument: _mpo_v1_PushConfigRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_mpo_v1_PushConfigResponse__Output>): grpc.ClientUnaryCall;
  PushConfig(argument: _mpo_v1_PushConfigRequest, callback: grpc.requestCallback<_mpo_v1_PushConfigResponse__Output>): grpc.ClientUnaryCall;
  pushConfig(argument: _mpo_v1_PushConfigRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_mpo_v1_PushConfigResponse__Output>): grpc.ClientUnaryCall;
  pushConfig(argument: _mpo_v1_PushConfigRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_mpo_v1_PushConfigResponse__Output>): grpc.ClientUnaryCall;
  pushConfig(argument: _mpo_v1_PushConfigRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_mpo_v1_PushConfigResponse__Output>): grpc.ClientUnaryCall;
  pushConfig(argument: _mpo_v1_PushConfigRequest, callback: grpc.requestCallback<_mpo_v1_PushConfigResponse__Output>): grpc.ClientUnaryCall;
  
  RollbackConfig(argument: _mpo_v1_RollbackConfigRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_mpo_v1_RollbackConfigResponse__Output>): grpc.ClientUnaryCall;
  RollbackConfig(argument: _mpo_v1_RollbackConfigRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_mpo_v1_RollbackConfigResponse__Output>): grpc.ClientUnaryCall;
  RollbackConfig(argument: _mpo_v1_RollbackConfigRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_mpo_v1_RollbackConfigResponse__Output>): grpc.ClientUnaryCall;
  RollbackConfig(argument: _mpo_v1_RollbackConfigRequest, callback: grpc.requestCallback<_mpo_v1_RollbackConfigResponse__Output>): grpc.ClientUnaryCall;
  rollbackConfig(argument: _mpo_v1_RollbackConfigRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_mpo_v1_RollbackConfigResponse__Output>): grpc.ClientUnaryCall;
  rollbackConfig(argument: _mpo_v1_RollbackConfigRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_mpo_v1_RollbackConfigResponse__Output>): grpc.ClientUnaryCall;
  rollbackConfig(argument: _mpo_v1_RollbackConfigRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_mpo_v1_RollbackConfigResponse__Output>): grpc.ClientUnaryCall;
  rollbackConfig(argument: _mpo_v1_RollbackConfigRequest, callback: grpc.requestCallback<_mpo_v1_RollbackConfigResponse__Output>): grpc.ClientUnaryCall;
  
  WatchEvents(argument: _mpo_v1_WatchEventsRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_mpo_v1_WatchEventsResponse__Output>;
  WatchEvents(argument: _mpo_v1_WatchEventsRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_mpo_v1_WatchEventsResponse__Output>;
  watchEvents(argument: _mpo_v1_WatchEventsRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_mpo_v1_WatchEventsResponse__Output>;
  watchEvents(argument: _mpo_v1_WatchEventsRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_mpo_v1_WatchEventsResponse__Output>;
  
}

export interface AdminServiceHandlers extends grpc.UntypedServiceImplementation {
  ExplainConfig: grpc.handleUnaryCall<_mpo_v1_ExplainConfigRequest__Output, _mpo_v1_ExplainConfigResponse>;
  
  GetConfig: grpc.handleUnaryCall<_mpo_v1_GetConfigRequest__Output, _mpo_v1_GetConfigResponse>;
  
  GetDevice: grpc.handleUnaryCall<_mpo_v1_GetDeviceRequest__Output, _mpo_v1_GetDeviceResponse>;
  
  GetProfile: grpc.handleUnaryCall<_mpo_v1_GetProfileRequest__Output, _mpo_v1_GetProfileResponse>;
  
  ListDevices: grpc.handleUnaryCall<_mpo_v1_ListDevicesRequest__Output, _mpo_v1_ListDevicesResponse>;
  
  ListEvents: grpc.handleUnaryCall<_mpo_v1_ListEventsRequest__Output, _mpo_v1_ListEventsResponse>;
  
  ListProfiles: grpc.handleUnaryCall<_mpo_v1_ListProfilesRequest__Output, _mpo_v1_ListProfilesResponse>;
  
  PushConfig: grpc.handleUnaryCall<_mpo_v1_PushConfigRequest__Output, _mpo_v1_PushConfigResponse>;
  
  RollbackConfig: grpc.handleUnaryCall<_mpo_v1_RollbackConfigRequest__Output, _mpo_v1_RollbackConfigResponse>;
  
  WatchEvents: grpc.handleServerStreamingCall<_mpo_v1_WatchEventsRequest__Output, _mpo_v1_WatchEventsResponse>;
  
}

export interface AdminServiceDefinition extends grpc.ServiceDefinition {
  ExplainConfig: MethodDefinition<_mpo_v1_ExplainConfigRequest, _mpo_v1_ExplainConfigResponse, _mpo_v1_ExplainConfigRequest__Output, _mpo_v1_ExplainConfigResponse__Output>
  GetConfig: MethodDefinition<_mpo_v1_GetConfigRequest, _mpo_v1_GetConfigResponse, _mpo_v1_GetConfigRequest__Output, _mpo_v1_GetConfigResponse__Output>
  GetDevice: MethodDefinition<_mpo_v1_GetDeviceRequest, _mpo_v1_GetDeviceResponse, _mpo_v1_GetDeviceRequest__Output, _mpo_v1_GetDeviceResponse__Output>
  GetProfile: MethodDefinition<_mpo_v1_GetProfileRequest, _mpo_v1_GetProfileResponse, _mpo_v1_GetProfileRequest__Output, _mpo_v1_GetProfileResponse__Output>
  ListDevices: MethodDefinition<_mpo_v1_ListDevicesRequest, _mpo_v1_ListDevicesResponse, _mpo_v1_ListDevicesRequest__Output, _mpo_v1_ListDevicesResponse__Output>
  ListEvents: MethodDefinition<_mpo_v1_ListEventsRequest, _mpo_v1_ListEventsResponse, _mpo_v1_ListEventsRequest__Output, _mpo_v1_ListEventsResponse__Output>
  ListProfiles: MethodDefinition<_mpo_v1_ListProfilesRequest, _mpo_v1_ListProfilesResponse, _mpo_v1_ListProfilesRequest__Output, _mpo_v1_ListProfilesResponse__Output>
  PushConfig: MethodDefinition<_mpo_v1_PushConfigRequest, _mpo_v1_PushConfigResponse, _mpo_v1_PushConfigRequest__Output, _mpo_v1_PushConfigResponse__Output>
  RollbackConfig: MethodDefinition<_mpo_v1_RollbackConfigRequest, _mpo_v1_RollbackConfigResponse, _mpo_v1_RollbackConfigRequest__Output, _mpo_v1_RollbackConfigResponse__Output>
  WatchEvents: MethodDefinition<_mpo_v1_WatchEventsRequest, _mpo_v1_WatchEventsResponse, _mpo_v1_WatchEventsRequest__Output, _mpo_v1_WatchEventsResponse__Output>
}
