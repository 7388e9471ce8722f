import type * as grpc from '@grpc/grpc-js';
import type { EnumTypeDefinition, MessageTypeDefinition } from '@grpc/proto-loader';

import type { AccuracyPoint as _mpo_v1_AccuracyPoint, AccuracyPoint__Output as _mpo_v1_AccuracyPoint__Output } from './mpo/v1/AccuracyPoint.ts';
import type { AccuracyPrediction as _mpo_v1_AccuracyPrediction, AccuracyPrediction__Output as _mpo_v1_AccuracyPrediction__Output } from './mpo/v1/AccuracyPrediction.ts';
import type { AccuracySample as _mpo_v1_AccuracySample, AccuracySample__Output as _mpo_v1_AccuracySample__Output } from './mpo/v1/AccuracySample.ts';
import type { AdminServiceClient as _mpo_v1_AdminServiceClient, AdminServiceDefinition as _mpo_v1_AdminServiceDefinition } from './mpo/v1/AdminService.ts';
import type { Bounded as _mpo_v1_Bounded, Bounded__Output as _mpo_v1_Bounded__Output } from './mpo/v1/Bounded.ts';
import type { Budget as _mpo_v1_Budget, Budget__Output as _mpo_v1_Budget__Output } from './mpo/v1/Budget.ts';
import type { DesiredDocument as _mpo_v1_DesiredDocument, DesiredDocument__Output as _mpo_v1_DesiredDocument__Output } from './mpo/v1/DesiredDocument.ts';
import type { DesiredEnvelope as _mpo_v1_DesiredEnvelope, DesiredEnvelope__Output as _mpo_v1_DesiredEnvelope__Output } from './mpo/v1/DesiredEnvelope.ts';
import type { Device as _mpo_v1_Device, Device__Output as _mpo_v1_Device__Output } from './mpo/v1/Device.ts';
import type { DeviceIdentity as _mpo_v1_DeviceIdentity, DeviceIdentity__Output as _mpo_v1_DeviceIdentity__Output } from './mpo/v1/DeviceIdentity.ts';
import type { DocumentSignature as _mpo_v1_DocumentSignature, DocumentSignature__Output as _mpo_v1_DocumentSignature__Output } from './mpo/v1/DocumentSignature.ts';
import type { DocumentStatus as _mpo_v1_DocumentStatus, DocumentStatus__Output as _mpo_v1_DocumentStatus__Output } from './mpo/v1/DocumentStatus.ts';
import type { DocumentVersion as _mpo_v1_DocumentVersion, DocumentVersion__Output as _mpo_v1_DocumentVersion__Output } from './mpo/v1/DocumentVersion.ts';
import type { EnrollRequest as _mpo_v1_EnrollRequest, EnrollRequest__Output as _mpo_v1_EnrollRequest__Output } from './mpo/v1/EnrollRequest.ts';
import type { EnrollResponse as _mpo_v1_EnrollResponse, EnrollResponse__Output as _mpo_v1_EnrollResponse__Output } from './mpo/v1/EnrollResponse.ts';
import type { Event as _mpo_v1_Event, Event__Output as _mpo_v1_Event__Output } from './mpo/v1/Event.ts';
import type { ExplainConfigRequest as _mpo_v1_ExplainConfigRequest, ExplainConfigRequest__Output as _mpo_v1_ExplainConfigRequest__Output } from './mpo/v1/ExplainConfigRequest.ts';
import type { ExplainConfigResponse as _mpo_v1_ExplainConfigResponse, ExplainConfigResponse__Output as _mpo_v1_ExplainConfigResponse__Output } from './mpo/v1/ExplainConfigResponse.ts';
import type { FleetServiceClient as _mpo_v1_FleetServiceClient, FleetServiceDefinition as _mpo_v1_FleetServiceDefinition } from './mpo/v1/FleetService.ts';
import type { FreezingRates as _mpo_v1_FreezingRates, FreezingRates__Output as _mpo_v1_FreezingRates__Output } from './mpo/v1/FreezingRates.ts';
import type { GetConfigRequest as _mpo_v1_GetConfigRequest, GetConfigRequest__Output as _mpo_v1_GetConfigRequest__Output } from './mpo/v1/GetConfigRequest.ts';
import type { GetConfigResponse as _mpo_v1_GetConfigResponse, GetConfigResponse__Output as _mpo_v1_GetConfigResponse__Output } from './mpo/v1/GetConfigResponse.ts';
import type { GetDeviceRequest as _mpo_v1_GetDeviceRequest, GetDeviceRequest__Output as _mpo_v1_GetDeviceRequest__Output } from './mpo/v1/GetDeviceRequest.ts';
import type { GetDeviceResponse as _mpo_v1_GetDeviceResponse, GetDeviceResponse__Output as _mpo_v1_GetDeviceResponse__Output } from './mpo/v1/GetDeviceResponse.ts';
import type { GetProfileRequest as _mpo_v1_GetProfileRequest, GetProfileRequest__Output as _mpo_v1_GetProfileRequest__Output } from './mpo/v1/GetProfileRequest.ts';
import type { GetProfileResponse as _mpo_v1_GetProfileResponse, GetProfileResponse__Output as _mpo_v1_GetProfileResponse__Output } from './mpo/v1/GetProfileResponse.ts';
import type { Gpu as _mpo_v1_Gpu, Gpu__Output as _mpo_v1_Gpu__Output } from './mpo/v1/Gpu.ts';
import type { HeartbeatRequest as _mpo_v1_HeartbeatRequest, HeartbeatRequest__Output as _mpo_v1_HeartbeatRequest__Output } from './mpo/v1/HeartbeatRequest.ts';
import type { HeartbeatResponse as _mpo_v1_HeartbeatResponse, HeartbeatResponse__Output as _mpo_v1_HeartbeatResponse__Output } from './mpo/v1/HeartbeatResponse.ts';
import type { HelloRequest as _mpo_v1_HelloRequest, HelloRequest__Output as _mpo_v1_HelloRequest__Output } from './mpo/v1/HelloRequest.ts';
import type { HelloResponse as _mpo_v1_HelloResponse, HelloResponse__Output as _mpo_v1_HelloResponse__Output } from './mpo/v1/HelloResponse.ts';
import type { Inventory as _mpo_v1_Inventory, Inventory__Output as _mpo_v1_Inventory__Output } from './mpo/v1/Inventory.ts';
import type { KeepAll as _mpo_v1_KeepAll, KeepAll__Output as _mpo_v1_KeepAll__Output } from './mpo/v1/KeepAll.ts';
import type { Label as _mpo_v1_Label, Label__Output as _mpo_v1_Label__Output } from './mpo/v1/Label.ts';
import type { ListDevicesRequest as _mpo_v1_ListDevicesRequest, ListDevicesRequest__Output as _mpo_v1_ListDevicesRequest__Output } from './mpo/v1/ListDevicesRequest.ts';
import type { ListDevicesResponse as _mpo_v1_ListDevicesResponse, ListDevicesResponse__Output as _mpo_v1_ListDevicesResponse__Output } from './mpo/v1/ListDevicesResponse.ts';
import type { ListEventsRequest as _mpo_v1_ListEventsRequest, ListEventsRequest__Output as _mpo_v1_ListEventsRequest__Output } from './mpo/v1/ListEventsRequest.ts';
import type { ListEventsResponse as _mpo_v1_ListEventsResponse, ListEventsResponse__Output as _mpo_v1_ListEventsResponse__Output } from './mpo/v1/ListEventsResponse.ts';
import type { ListProfilesRequest as _mpo_v1_ListProfilesRequest, ListProfilesRequest__Output as _mpo_v1_ListProfilesRequest__Output } from './mpo/v1/ListProfilesRequest.ts';
import type { ListProfilesResponse as _mpo_v1_ListProfilesResponse, ListProfilesResponse__Output as _mpo_v1_ListProfilesResponse__Output } from './mpo/v1/ListProfilesResponse.ts';
import type { MemoryFacts as _mpo_v1_MemoryFacts, MemoryFacts__Output as _mpo_v1_MemoryFacts__Output } from './mpo/v1/MemoryFacts.ts';
import type { ProbeFailure as _mpo_v1_ProbeFailure, ProbeFailure__Output as _mpo_v1_ProbeFailure__Output } from './mpo/v1/ProbeFailure.ts';
import type { ProbeOrder as _mpo_v1_ProbeOrder, ProbeOrder__Output as _mpo_v1_ProbeOrder__Output } from './mpo/v1/ProbeOrder.ts';
import type { ProbingCost as _mpo_v1_ProbingCost, ProbingCost__Output as _mpo_v1_ProbingCost__Output } from './mpo/v1/ProbingCost.ts';
import type { Profile as _mpo_v1_Profile, Profile__Output as _mpo_v1_Profile__Output } from './mpo/v1/Profile.ts';
import type { ProfileSummary as _mpo_v1_ProfileSummary, ProfileSummary__Output as _mpo_v1_ProfileSummary__Output } from './mpo/v1/ProfileSummary.ts';
import type { ProfiledDevice as _mpo_v1_ProfiledDevice, ProfiledDevice__Output as _mpo_v1_ProfiledDevice__Output } from './mpo/v1/ProfiledDevice.ts';
import type { ProfiledModel as _mpo_v1_ProfiledModel, ProfiledModel__Output as _mpo_v1_ProfiledModel__Output } from './mpo/v1/ProfiledModel.ts';
import type { ProfilingSoftware as _mpo_v1_ProfilingSoftware, ProfilingSoftware__Output as _mpo_v1_ProfilingSoftware__Output } from './mpo/v1/ProfilingSoftware.ts';
import type { PushConfigRequest as _mpo_v1_PushConfigRequest, PushConfigRequest__Output as _mpo_v1_PushConfigRequest__Output } from './mpo/v1/PushConfigRequest.ts';
import type { PushConfigResponse as _mpo_v1_PushConfigResponse, PushConfigResponse__Output as _mpo_v1_PushConfigResponse__Output } from './mpo/v1/PushConfigResponse.ts';
import type { Reason as _mpo_v1_Reason, Reason__Output as _mpo_v1_Reason__Output } from './mpo/v1/Reason.ts';
import type { RejectedRung as _mpo_v1_RejectedRung, RejectedRung__Output as _mpo_v1_RejectedRung__Output } from './mpo/v1/RejectedRung.ts';
import type { ReportProfileRequest as _mpo_v1_ReportProfileRequest, ReportProfileRequest__Output as _mpo_v1_ReportProfileRequest__Output } from './mpo/v1/ReportProfileRequest.ts';
import type { ReportProfileResponse as _mpo_v1_ReportProfileResponse, ReportProfileResponse__Output as _mpo_v1_ReportProfileResponse__Output } from './mpo/v1/ReportProfileResponse.ts';
import type { ReportStatusRequest as _mpo_v1_ReportStatusRequest, ReportStatusRequest__Output as _mpo_v1_ReportStatusRequest__Output } from './mpo/v1/ReportStatusRequest.ts';
import type { ReportStatusResponse as _mpo_v1_ReportStatusResponse, ReportStatusResponse__Output as _mpo_v1_ReportStatusResponse__Output } from './mpo/v1/ReportStatusResponse.ts';
import type { Resources as _mpo_v1_Resources, Resources__Output as _mpo_v1_Resources__Output } from './mpo/v1/Resources.ts';
import type { RetrainConfig as _mpo_v1_RetrainConfig, RetrainConfig__Output as _mpo_v1_RetrainConfig__Output } from './mpo/v1/RetrainConfig.ts';
import type { RollbackConfigRequest as _mpo_v1_RollbackConfigRequest, RollbackConfigRequest__Output as _mpo_v1_RollbackConfigRequest__Output } from './mpo/v1/RollbackConfigRequest.ts';
import type { RollbackConfigResponse as _mpo_v1_RollbackConfigResponse, RollbackConfigResponse__Output as _mpo_v1_RollbackConfigResponse__Output } from './mpo/v1/RollbackConfigResponse.ts';
import type { Rung as _mpo_v1_Rung, Rung__Output as _mpo_v1_Rung__Output } from './mpo/v1/Rung.ts';
import type { ServedModel as _mpo_v1_ServedModel, ServedModel__Output as _mpo_v1_ServedModel__Output } from './mpo/v1/ServedModel.ts';
import type { StepSample as _mpo_v1_StepSample, StepSample__Output as _mpo_v1_StepSample__Output } from './mpo/v1/StepSample.ts';
import type { TrainingMethod as _mpo_v1_TrainingMethod, TrainingMethod__Output as _mpo_v1_TrainingMethod__Output } from './mpo/v1/TrainingMethod.ts';
import type { UniformSegments as _mpo_v1_UniformSegments, UniformSegments__Output as _mpo_v1_UniformSegments__Output } from './mpo/v1/UniformSegments.ts';
import type { UnitActions as _mpo_v1_UnitActions, UnitActions__Output as _mpo_v1_UnitActions__Output } from './mpo/v1/UnitActions.ts';
import type { UnitBoundaries as _mpo_v1_UnitBoundaries, UnitBoundaries__Output as _mpo_v1_UnitBoundaries__Output } from './mpo/v1/UnitBoundaries.ts';
import type { UnitTimeSample as _mpo_v1_UnitTimeSample, UnitTimeSample__Output as _mpo_v1_UnitTimeSample__Output } from './mpo/v1/UnitTimeSample.ts';
import type { UpdateSample as _mpo_v1_UpdateSample, UpdateSample__Output as _mpo_v1_UpdateSample__Output } from './mpo/v1/UpdateSample.ts';
import type { WatchEventsRequest as _mpo_v1_WatchEventsRequest, WatchEventsRequest__Output as _mpo_v1_WatchEventsRequest__Output } from './mpo/v1/WatchEventsRequest.ts';
import type { WatchEventsResponse as _mpo_v1_WatchEventsResponse, WatchEventsResponse__Output as _mpo_v1_WatchEventsResponse__Output } from './mpo/v1/WatchEventsResponse.ts';
import type { WindowResult as _mpo_v1_WindowResult, WindowResult__Output as _mpo_v1_WindowResult__Output } from './mpo/v1/WindowResult.ts';

type SubtypeConstructor<Constructor extends new (...args: any) => any, Subtype> = {
  new(...args: ConstructorParameters<Constructor>): Subtype;
};

export interface ProtoGrpcType {
  mpo: {
    v1: {
      AccuracyJudge: EnumTypeDefinition
      AccuracyPoint: MessageTypeDefinition<_mpo_v1_AccuracyPoint, _mpo_v1_AccuracyPoint__Output>
      AccuracyPrediction: MessageTypeDefinition<_mpo_v1_AccuracyPrediction, _mpo_v1_AccuracyPrediction__Output>
      AccuracySample: MessageTypeDefinition<_mpo_v1_AccuracySample, _mpo_v1_AccuracySample__Output>
      AdminService: SubtypeConstructor<typeof grpc.Client, _mpo_v1_AdminServiceClient> & { service: _mpo_v1_AdminServiceDefinition }
      Bounded: MessageTypeDefinition<_mpo_v1_Bounded, _mpo_v1_Bounded__Output>
      Budget: MessageTypeDefinition<_mpo_v1_Budget, _mpo_v1_Budget__Output>
      DesiredDocument: MessageTypeDefinition<_mpo_v1_DesiredDocument, _mpo_v1_DesiredDocument__Output>
      DesiredEnvelope: MessageTypeDefinition<_mpo_v1_DesiredEnvelope, _mpo_v1_DesiredEnvelope__Output>
      Device: MessageTypeDefinition<_mpo_v1_Device, _mpo_v1_Device__Output>
      DeviceIdentity: MessageTypeDefinition<_mpo_v1_DeviceIdentity, _mpo_v1_DeviceIdentity__Output>
      DocumentSignature: MessageTypeDefinition<_mpo_v1_DocumentSignature, _mpo_v1_DocumentSignature__Output>
      DocumentState: EnumTypeDefinition
      DocumentStatus: MessageTypeDefinition<_mpo_v1_DocumentStatus, _mpo_v1_DocumentStatus__Output>
      DocumentVersion: MessageTypeDefinition<_mpo_v1_DocumentVersion, _mpo_v1_DocumentVersion__Output>
      EnrollRequest: MessageTypeDefinition<_mpo_v1_EnrollRequest, _mpo_v1_EnrollRequest__Output>
      EnrollResponse: MessageTypeDefinition<_mpo_v1_EnrollResponse, _mpo_v1_EnrollResponse__Output>
      EnrollmentState: EnumTypeDefinition
      Event: MessageTypeDefinition<_mpo_v1_Event, _mpo_v1_Event__Output>
      ExplainConfigRequest: MessageTypeDefinition<_mpo_v1_ExplainConfigRequest, _mpo_v1_ExplainConfigRequest__Output>
      ExplainConfigResponse: MessageTypeDefinition<_mpo_v1_ExplainConfigResponse, _mpo_v1_ExplainConfigResponse__Output>
      FleetService: SubtypeConstructor<typeof grpc.Client, _mpo_v1_FleetServiceClient> & { service: _mpo_v1_FleetServiceDefinition }
      FreezingRates: MessageTypeDefinition<_mpo_v1_FreezingRates, _mpo_v1_FreezingRates__Output>
      GetConfigRequest: MessageTypeDefinition<_mpo_v1_GetConfigRequest, _mpo_v1_GetConfigRequest__Output>
      GetConfigResponse: MessageTypeDefinition<_mpo_v1_GetConfigResponse, _mpo_v1_GetConfigResponse__Output>
      GetDeviceRequest: MessageTypeDefinition<_mpo_v1_GetDeviceRequest, _mpo_v1_GetDeviceRequest__Output>
      GetDeviceResponse: MessageTypeDefinition<_mpo_v1_GetDeviceResponse, _mpo_v1_GetDeviceResponse__Output>
      GetProfileRequest: MessageTypeDefinition<_mpo_v1_GetProfileRequest, _mpo_v1_GetProfileRequest__Output>
      GetProfileResponse: MessageTypeDefinition<_mpo_v1_GetProfileResponse, _mpo_v1_GetProfileResponse__Output>
      Gpu: MessageTypeDefinition<_mpo_v1_Gpu, _mpo_v1_Gpu__Output>
      HeartbeatRequest: MessageTypeDefinition<_mpo_v1_HeartbeatRequest, _mpo_v1_HeartbeatRequest__Output>
      HeartbeatResponse: MessageTypeDefinition<_mpo_v1_HeartbeatResponse, _mpo_v1_HeartbeatResponse__Output>
      HelloRequest: MessageTypeDefinition<_mpo_v1_HelloRequest, _mpo_v1_HelloRequest__Output>
      HelloResponse: MessageTypeDefinition<_mpo_v1_HelloResponse, _mpo_v1_HelloResponse__Output>
      Inventory: MessageTypeDefinition<_mpo_v1_Inventory, _mpo_v1_Inventory__Output>
      Judgement: EnumTypeDefinition
      KeepAll: MessageTypeDefinition<_mpo_v1_KeepAll, _mpo_v1_KeepAll__Output>
      Label: MessageTypeDefinition<_mpo_v1_Label, _mpo_v1_Label__Output>
      ListDevicesRequest: MessageTypeDefinition<_mpo_v1_ListDevicesRequest, _mpo_v1_ListDevicesRequest__Output>
      ListDevicesResponse: MessageTypeDefinition<_mpo_v1_ListDevicesResponse, _mpo_v1_ListDevicesResponse__Output>
      ListEventsRequest: MessageTypeDefinition<_mpo_v1_ListEventsRequest, _mpo_v1_ListEventsRequest__Output>
      ListEventsResponse: MessageTypeDefinition<_mpo_v1_ListEventsResponse, _mpo_v1_ListEventsResponse__Output>
      ListProfilesRequest: MessageTypeDefinition<_mpo_v1_ListProfilesRequest, _mpo_v1_ListProfilesRequest__Output>
      ListProfilesResponse: MessageTypeDefinition<_mpo_v1_ListProfilesResponse, _mpo_v1_ListProfilesResponse__Output>
      MemoryFacts: MessageTypeDefinition<_mpo_v1_MemoryFacts, _mpo_v1_MemoryFacts__Output>
      Objective: EnumTypeDefinition
      Presence: EnumTypeDefinition
      ProbeFailure: MessageTypeDefinition<_mpo_v1_ProbeFailure, _mpo_v1_ProbeFailure__Output>
      ProbeOrder: MessageTypeDefinition<_mpo_v1_ProbeOrder, _mpo_v1_ProbeOrder__Output>
      ProbingCost: MessageTypeDefinition<_mpo_v1_ProbingCost, _mpo_v1_ProbingCost__Output>
      Profile: MessageTypeDefinition<_mpo_v1_Profile, _mpo_v1_Profile__Output>
      ProfileSummary: MessageTypeDefinition<_mpo_v1_ProfileSummary, _mpo_v1_ProfileSummary__Output>
      ProfiledDevice: MessageTypeDefinition<_mpo_v1_ProfiledDevice, _mpo_v1_ProfiledDevice__Output>
      ProfiledModel: MessageTypeDefinition<_mpo_v1_ProfiledModel, _mpo_v1_ProfiledModel__Output>
      ProfilingSoftware: MessageTypeDefinition<_mpo_v1_ProfilingSoftware, _mpo_v1_ProfilingSoftware__Output>
      PushConfigRequest: MessageTypeDefinition<_mpo_v1_PushConfigRequest, _mpo_v1_PushConfigRequest__Output>
      PushConfigResponse: MessageTypeDefinition<_mpo_v1_PushConfigResponse, _mpo_v1_PushConfigResponse__Output>
      Reason: MessageTypeDefinition<_mpo_v1_Reason, _mpo_v1_Reason__Output>
      RejectedRung: MessageTypeDefinition<_mpo_v1_RejectedRung, _mpo_v1_RejectedRung__Output>
      ReportProfileRequest: MessageTypeDefinition<_mpo_v1_ReportProfileRequest, _mpo_v1_ReportProfileRequest__Output>
      ReportProfileResponse: MessageTypeDefinition<_mpo_v1_ReportProfileResponse, _mpo_v1_ReportProfileResponse__Output>
      ReportStatusRequest: MessageTypeDefinition<_mpo_v1_ReportStatusRequest, _mpo_v1_ReportStatusRequest__Output>
      ReportStatusResponse: MessageTypeDefinition<_mpo_v1_ReportStatusResponse, _mpo_v1_ReportStatusResponse__Output>
      Resources: MessageTypeDefinition<_mpo_v1_Resources, _mpo_v1_Resources__Output>
      RetrainConfig: MessageTypeDefinition<_mpo_v1_RetrainConfig, _mpo_v1_RetrainConfig__Output>
      RollbackConfigRequest: MessageTypeDefinition<_mpo_v1_RollbackConfigRequest, _mpo_v1_RollbackConfigRequest__Output>
      RollbackConfigResponse: MessageTypeDefinition<_mpo_v1_RollbackConfigResponse, _mpo_v1_RollbackConfigResponse__Output>
      Rung: MessageTypeDefinition<_mpo_v1_Rung, _mpo_v1_Rung__Output>
      ServedModel: MessageTypeDefinition<_mpo_v1_ServedModel, _mpo_v1_ServedModel__Output>
      StepSample: MessageTypeDefinition<_mpo_v1_StepSample, _mpo_v1_StepSample__Output>
      TrainingMethod: MessageTypeDefinition<_mpo_v1_TrainingMethod, _mpo_v1_TrainingMethod__Output>
      UniformSegments: MessageTypeDefinition<_mpo_v1_UniformSegments, _mpo_v1_UniformSegments__Output>
      UnitActions: MessageTypeDefinition<_mpo_v1_UnitActions, _mpo_v1_UnitActions__Output>
      UnitBoundaries: MessageTypeDefinition<_mpo_v1_UnitBoundaries, _mpo_v1_UnitBoundaries__Output>
      UnitTimeSample: MessageTypeDefinition<_mpo_v1_UnitTimeSample, _mpo_v1_UnitTimeSample__Output>
      UpdateSample: MessageTypeDefinition<_mpo_v1_UpdateSample, _mpo_v1_UpdateSample__Output>
      WatchEventsRequest: MessageTypeDefinition<_mpo_v1_WatchEventsRequest, _mpo_v1_WatchEventsRequest__Output>
      WatchEventsResponse: MessageTypeDefinition<_mpo_v1_WatchEventsResponse, _mpo_v1_WatchEventsResponse__Output>
      WindowOutcome: EnumTypeDefinition
      WindowResult: MessageTypeDefinition<_mpo_v1_WindowResult, _mpo_v1_WindowResult__Output>
    }
  }
}

