// Original file: mpo/v1/fleet.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { EnrollRequest as _mpo_v1_EnrollRequest, EnrollRequest__Output as _mpo_v1_EnrollRequest__Output } from '../../mpo/v1/EnrollRequest.ts';
import type { EnrollResponse as _mpo_v1_EnrollResponse, EnrollResponse__Output as _mpo_v1_EnrollResponse__Output } from '../../mpo/v1/EnrollResponse.ts';
import type { HeartbeatRequest as _mpo_v1_HeartbeatRequest, HeartbeatRequest__Output as _mpo_v1_HeartbeatRequest__Output } from '../../mpo/v1/HeartbeatRequest.ts';
import type { HeartbeatResponse as _mpo_v1_HeartbeatResponse, HeartbeatResponse__Output as _mpo_v1_HeartbeatResponse__Output } from '../../mpo/v1/HeartbeatResponse.ts';
import type { HelloRequest as _mpo_v1_HelloRequest, HelloRequest__Output as _mpo_v1_HelloRequest__Output } from '../../mpo/v1/HelloRequest.ts';
import type { HelloResponse as _mpo_v1_HelloResponse, HelloResponse__Output as _mpo_v1_HelloResponse__Output } from '../../mpo/v1/HelloResponse.ts';
import type { ReportProfileRequest as _mpo_v1_ReportProfileRequest, ReportProfileRequest__Output as _mpo_v1_ReportProfileRequest__Output } from '../../mpo/v1/ReportProfileRequest.ts';
import type { ReportProfileResponse as _mpo_v1_ReportProfileResponse, ReportProfileResponse__Output as _mpo_v1_ReportProfileResponse__Output } from '../../mpo/v1/ReportProfileResponse.ts';
import type { ReportStatusRequest as _mpo_v1_ReportStatusRequest, ReportStatusRequest__Output as _mpo_v1_ReportStatusRequest__Output } from '../../mpo/v1/ReportStatusRequest.ts';
import type { ReportStatusResponse as _mpo_v1_ReportStatusResponse, ReportStatusResponse__Output as _mpo_v1_ReportStatusResponse__Output } from '../../mpo/v1/ReportStatusResponse.ts';

export interface FleetServiceClient extends grpc.Client {
  Enroll(argument: _mpo_v1_EnrollRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_mpo_v1_EnrollResponse__Output>): grpc.ClientUnaryCall;
  Enroll(argument: _mpo_v1_EnrollRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_mpo_v1_EnrollResponse__Output>): grpc.ClientUnaryCall;
  Enroll(argument: _mpo_v1_EnrollRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_mpo_v1_EnrollResponse__Output>): grpc.ClientUnaryCall;
  Enroll(argument: _mpo_v1_EnrollRequest, callback: grpc.requestCallback<_mpo_v1_EnrollResponse__Output>): grpc.ClientUnaryCall;
  enroll(argument: _mpo_v1_EnrollRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_mpo_v1_EnrollResponse__Output>): grpc.ClientUnaryCall;
  enroll(argument: _mpo_v1_EnrollRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_mpo_v1_EnrollResponse__Output>): grpc.ClientUnaryCall;
  enroll(argument: _mpo_v1_EnrollRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_mpo_v1_EnrollResponse__Output>): grpc.ClientUnaryCall;
  enroll(argument: _mpo_v1_EnrollRequest, callback: grpc.requestCallback<_mpo_v1_EnrollResponse__Output>): grpc.ClientUnaryCall;
  
  Heartbeat(argument: _mpo_v1_HeartbeatRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_mpo_v1_HeartbeatResponse__Output>): grpc.ClientUnaryCall;
  Heartbeat(argument: _mpo_v1_HeartbeatRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_mpo_v1_HeartbeatResponse__Output>): grpc.ClientUnaryCall;
  Heartbeat(argument: _mpo_v1_HeartbeatRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_mpo_v1_HeartbeatResponse__Output>): grpc.ClientUnaryCall;
  Heartbeat(argument: _mpo_v1_HeartbeatRequest, callback: grpc.requestCallback<_mpo_v1_HeartbeatResponse__Output>): grpc.ClientUnaryCall;
  heartbeat(argument: _mpo_v1_HeartbeatRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_mpo_v1_HeartbeatResponse__Output>): grpc.ClientUnaryCall;
  heartbeat(argument: _mpo_v1_HeartbeatRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_mpo_v1_HeartbeatResponse__Output>): grpc.ClientUnaryCall;
  heartbeat(argument: _mpo_v1_HeartbeatRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_mpo_v1_HeartbeatResponse__Output>): grpc.ClientUnaryCall;
  heartbeat(argument: _mpo_v1_HeartbeatRequest, callback: grpc.requestCallback<_mpo_v1_HeartbeatResponse__Output>): grpc.ClientUnaryCall;
  
  Hello(argument: _mpo_v1_HelloRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_mpo_v1_HelloResponse__Output>): grpc.ClientUnaryCall;
  Hello(argument: _mpo_v1_HelloRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_mpo_v1_HelloResponse__Output>): grpc.ClientUnaryCall;
  Hello(argument: _mpo_v1_HelloRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_mpo_v1_HelloResponse__Output>): grpc.ClientUnaryCall;
  Hello(argument: _mpo_v1_HelloRequest, callback: grpc.requestCallback<_mpo_v1_HelloResponse__Output>): grpc.ClientUnaryCall;
  hello(argument: _mpo_v1_HelloRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_mpo_v1_HelloResponse__Output>): grpc.ClientUnaryCall;
  hello(argument: _mpo_v1_HelloRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_mpo_v1_HelloResponse__Output>): grpc.ClientUnaryCall;
  hello(argument: _mpo_v1_HelloRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_mpo_v1_HelloResponse__Output>): grpc.ClientUnaryCall;
  hello(argument: _mpo_v1_HelloRequest, callback: grpc.requestCallback<_mpo_v1_HelloResponse__Output>): grpc.ClientUnaryCall;
  
  ReportProfile(argument: _mpo_v1_ReportProfileRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_mpo_v1_ReportProfileResponse__Output>): grpc.ClientUnaryCall;
  ReportProfile(argument: _mpo_v1_ReportProfileRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_mpo_v1_ReportProfileResponse__Output>): grpc.ClientUnaryCall;
  ReportProfile(argument: _mpo_v1_ReportProfileRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_mpo_v1_ReportProfileResponse__Output>): grpc.ClientUnaryCall;
  ReportProfile(argument: _mpo_v1_ReportProfileRequest, callback: grpc.requestCallback<_mpo_v1_ReportProfileResponse__Output>): grpc.ClientUnaryCall;
  reportProfile(argument: _mpo_v1_ReportProfileRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_mpo_v1_ReportProfileResponse__Output>): grpc.ClientUnaryCall;
  reportProfile(argument: _mpo_v1_ReportProfileRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_mpo_v1_ReportProfileResponse__Output>): grpc.ClientUnaryCall;
  reportProfile(argument: _mpo_v1_ReportProfileRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_mpo_v1_ReportProfileResponse__Output>): grpc.ClientUnaryCall;
  reportProfile(argument: _mpo_v1_ReportProfileRequest, callback: grpc.requestCallback<_mpo_v1_ReportProfileResponse__Output>): grpc.ClientUnaryCall;
  
  ReportStatus(argument: _mpo_v1_ReportStatusRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_mpo_v1_ReportStatusResponse__Output>): grpc.ClientUnaryCall;
  ReportStatus(argument: _mpo_v1_ReportStatusRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_mpo_v1_ReportStatusResponse__Output>): grpc.ClientUnaryCall;
  ReportStatus(argument: _mpo_v1_ReportStatusRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_mpo_v1_ReportStatusResponse__Output>): grpc.ClientUnaryCall;
  ReportStatus(argument: _mpo_v1_ReportStatusRequest, callback: grpc.requestCallback<_mpo_v1_ReportStatusResponse__Output>): grpc.ClientUnaryCall;
  reportStatus(argument: _mpo_v1_ReportStatusRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_mpo_v1_ReportStatusResponse__Output>): grpc.ClientUnaryCall;
  reportStatus(argument: _mpo_v1_ReportStatusRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_mpo_v1_ReportStatusResponse__Output>): grpc.ClientUnaryCall;
  reportStatus(argument: _mpo_v1_ReportStatusRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_mpo_v1_ReportStatusResponse__Output>): grpc.ClientUnaryCall;
  reportStatus(argument: _mpo_v1_ReportStatusRequest, callback: grpc.requestCallback<_mpo_v1_ReportStatusResponse__Output>): grpc.ClientUnaryCall;
  
}

export interface FleetServiceHandlers extends grpc.UntypedServiceImplementation {
  Enroll: grpc.handleUnaryCall<_mpo_v1_EnrollRequest__Output, _mpo_v1_EnrollResponse>;
  
  Heartbeat: grpc.handleUnaryCall<_mpo_v1_HeartbeatRequest__Output, _mpo_v1_HeartbeatResponse>;
  
  Hello: grpc.handleUnaryCall<_mpo_v1_HelloRequest__Output, _mpo_v1_HelloResponse>;
  
  ReportProfile: grpc.handleUnaryCall<_mpo_v1_ReportProfileRequest__Output, _mpo_v1_ReportProfileResponse>;
  
  ReportStatus: grpc.handleUnaryCall<_mpo_v1_ReportStatusRequest__Output, _mpo_v1_ReportStatusResponse>;
  
}

export interface FleetServiceDefinition extends grpc.ServiceDefinition {
  Enroll: MethodDefinition<_mpo_v1_EnrollRequest, _mpo_v1_EnrollResponse, _mpo_v1_EnrollRequest__Output, _mpo_v1_EnrollResponse__Output>
  Heartbeat: MethodDefinition<_mpo_v1_HeartbeatRequest, _mpo_v1_HeartbeatResponse, _mpo_v1_HeartbeatRequest__Output, _mpo_v1_HeartbeatResponse__Output>
  Hello: MethodDefinition<_mpo_v1_HelloRequest, _mpo_v1_HelloResponse, _mpo_v1_HelloRequest__Output, _mpo_v1_HelloResponse__Output>
  ReportProfile: MethodDefinition<_mpo_v1_ReportProfileRequest, _mpo_v1_ReportProfileResponse, _mpo_v1_ReportProfileRequest__Output, _mpo_v1_ReportProfileResponse__Output>
  ReportStatus: MethodDefinition<_mpo_v1_ReportStatusRequest, _mpo_v1_ReportStatusResponse, _mpo_v1_ReportStatusRequest__Output, _mpo_v1_ReportStatusResponse__Output>
}
