import type * as grpc from '@grpc/grpc-js';
import type { EnumTypeDefinition, MessageTypeDefinition } from '@grpc/proto-loader';

import type { AccuracyPoint as _mpo_v1_AccuracyPoint, AccuracyPoint__Output as _mpo_v1_AccuracyPoint__Output } from './mpo/v1/AccuracyPoint.ts';
import type { AccuracyPrediction as _mpo_v1_AccuracyPrediction, AccuracyPrediction__Output as _mpo_v1_AccuracyPrediction__Output } from './mpo/v1/AccuracyPrediction.ts';
import type { AccuracySample as _mpo_v1_AccuracySample, AccuracySample__Output as _mpo_v1_AccuracySample__Output } from './mpo/v1/AccuracySample.ts';
import type { Bounded as _mpo_v1_Bounded, Bounded__Output as _mpo_v1_Bounded__Output } from './mpo/v1/Bounded.ts';
import type { Budget as _mpo_v1_Budget, Budget__Output as _mpo_v1_Budget__Output } from './mpo/v1/Budget.ts';
import type { DesiredDocument as _mpo_v1_DesiredDocument, DesiredDocument__Output as _mpo_v1_DesiredDocument__Output } from './mpo/v1/DesiredDocument.ts';
import type { DesiredEnvelope as _mpo_v1_DesiredEnvelope, DesiredEnvelope__Output as _mpo_v1_DesiredEnvelope__Output } from './mpo/v1/DesiredEnvelope.ts';
import type { DeviceIdentity as _mpo_v1_DeviceIdentity, DeviceIdentity__Output as _mpo_v1_DeviceIdentity__Output } from './mpo/v1/DeviceIdentity.ts';
import type { DocumentSignature as _mpo_v1_DocumentSignature, DocumentSignature__Output as _mpo_v1_DocumentSignature__Output } from './mpo/v1/DocumentSignature.ts';
import type { DocumentStatus as _mpo_v1_DocumentStatus, DocumentStatus__Output as _mpo_v1_DocumentStatus__Output } from './mpo/v1/DocumentStatus.ts';
import type { DocumentVersion as _mpo_v1_DocumentVersion, DocumentVersion__Output as _mpo_v1_DocumentVersion__Output } from './mpo/v1/DocumentVersion.ts';
import type { EnrollRequest as _mpo_v1_EnrollRequest, EnrollRequest__Output as _mpo_v1_EnrollRequest__Output } from './mpo/v1/EnrollRequest.ts';
import type { EnrollResponse as _mpo_v1_EnrollResponse, EnrollResponse__Output as _mpo_v1_EnrollResponse__Output } from './mpo/v1/EnrollResponse.ts';
import type { FleetServiceClient as _mpo_v1_FleetServiceClient, FleetServiceDefinition as _mpo_v1_FleetServiceDefinition } from './mpo/v1/FleetService.ts';
import type { FreezingRates as _mpo_v1_FreezingRates, FreezingRates__Output as _mpo_v1_FreezingRates__Output } from './mpo/v1/FreezingRates.ts';
import type { Gpu as _mpo_v1_Gpu, Gpu__Output as _mpo_v1_Gpu__Output } from './mpo/v1/Gpu.ts';
import type { HeartbeatRequest as _mpo_v1_HeartbeatRequest, HeartbeatRequest__Output as _mpo_v1_HeartbeatRequest__Output } from './mpo/v1/HeartbeatRequest.ts';
import type { HeartbeatResponse as _mpo_v1_HeartbeatResponse, HeartbeatResponse__Output as _mpo_v1_HeartbeatResponse__Output } from './mpo/v1/HeartbeatResponse.ts';
import type { HelloRequest as _mpo_v1_HelloRequest, HelloRequest__Output as _mpo_v1_HelloRequest__Output } from './mpo/v1/HelloRequest.ts';
import type { HelloResponse as _mpo_v1_HelloResponse, HelloResponse__Output as _mpo_v1_HelloResponse__Output } from './mpo/v1/HelloResponse.ts';
import type { Inventory as _mpo_v1_Inventory, Inventory__Output as _mpo_v1_Inventory__Output } from './mpo/v1/Inventory.ts';
import type { KeepAll as _mpo_v1_KeepAll, KeepAll__Output as _mpo_v1_KeepAll__Output } from './mpo/v1/KeepAll.ts';
import type { Label as _mpo_v1_Label, Label__Output as _mpo_v1_Label__Output } from './mpo/v1/Label.ts';
import type { MemoryFacts as _mpo_v1_MemoryFacts, MemoryFacts__Output as _mpo_v1_MemoryFacts__Output } from './mpo/v1/MemoryFacts.ts';
import type { ProbeFailure as _mpo_v1_ProbeFailure, ProbeFailure__Output as _mpo_v1_ProbeFailure__Output } from './mpo/v1/ProbeFailure.ts';
import type { ProbeOrder as _mpo_v1_ProbeOrder, ProbeOrder__Output as _mpo_v1_ProbeOrder__Output } from './mpo/v1/ProbeOrder.ts';
import type { ProbingCost as _mpo_v1_ProbingCost, ProbingCost__Output as _mpo_v1_ProbingCost__Output } from './mpo/v1/ProbingCost.ts';
import type { Profile as _mpo_v1_Profile, Profile__Output as _mpo_v1_Profile__Output } from './mpo/v1/Profile.ts';
import type { ProfiledDevice as _mpo_v1_ProfiledDevice, ProfiledDevice__Output as _mpo_v1_ProfiledDevice__Output } from './mpo/v1/ProfiledDevice.ts';
import type { ProfiledModel as _mpo_v1_ProfiledModel, ProfiledModel__Output as _mpo_v1_ProfiledModel__Output } from './mpo/v1/ProfiledModel.ts';
import type { ProfilingSoftware as _mpo_v1_ProfilingSoftware, ProfilingSoftware__Output as _mpo_v1_ProfilingSoftware__Output } from './mpo/v1/ProfilingSoftware.ts';
import type { Reason as _mpo_v1_Reason, Reason__Output as _mpo_v1_Reason__Output } from './mpo/v1/Reason.ts';
import type { ReportProfileRequest as _mpo_v1_ReportProfileRequest, ReportProfileRequest__Output as _mpo_v1_ReportProfileRequest__Output } from './mpo/v1/ReportProfileRequest.ts';
import type { ReportProfileResponse as _mpo_v1_ReportProfileResponse, ReportProfileResponse__Output as _mpo_v1_ReportProfileResponse__Output } from './mpo/v1/ReportProfileResponse.ts';
import type { ReportStatusRequest as _mpo_v1_ReportStatusRequest, ReportStatusRequest__Output as _mpo_v1_ReportStatusRequest__Output } from './mpo/v1/ReportStatusRequest.ts';
import type { ReportStatusResponse as _mpo_v1_ReportStatusResponse, ReportStatusResponse__Output as _mpo_v1_ReportStatusResponse__Output } from './mpo/v1/ReportStatusResponse.ts';
import type { Resources as _mpo_v1_Resources, Resources__Output as _mpo_v1_Resources__Output } from './mpo/v1/Resources.ts';
import type { RetrainConfig as _mpo_v1_RetrainConfig, RetrainConfig__Output as _mpo_v1_RetrainConfig__Output } from './mpo/v1/RetrainConfig.ts';
import type { Rung as _mpo_v1_Rung, Rung__Output as _mpo_v1_Rung__Output } from './mpo/v1/Rung.ts';
import type { ServedModel as _mpo_v1_ServedModel, ServedModel__Output as _mpo_v1_ServedModel__Output } from './mpo/v1/ServedModel.ts';
import type { StepSample as _mpo_v1_StepSample, StepSample__Output as _mpo_v1_StepSample__Output } from './mpo/v1/StepSample.ts';
import type { TrainingMethod as _mpo_v1_TrainingMethod, TrainingMethod__Output as _mpo_v1_TrainingMethod__Output } from './mpo/v1/TrainingMethod.ts';
import type { UniformSegments as _mpo_v1_UniformSegments, UniformSegments__Output as _mpo_v1_UniformSegments__Output } from './mpo/v1/UniformSegments.ts';
import type { UnitActions as _mpo_v1_UnitActions, UnitActions__Output as _mpo_v1_UnitActions__Output } from './mpo/v1/UnitActions.ts';
import type { UnitBoundaries as _mpo_v1_UnitBoundaries, UnitBoundaries__Output as _mpo_v1_UnitBoundaries__Output } from './mpo/v1/UnitBoundaries.ts';
import type { UnitTimeSample as _mpo_v1_UnitTimeSample, UnitTimeSample__Output as _mpo_v1_UnitTimeSample__Output } from './mpo/v1/UnitTimeSample.ts';
import type { UpdateSample as _mpo_v1_UpdateSample, UpdateSample__Output as _mpo_v1_UpdateSample__Output } from './mpo/v1/UpdateSample.ts';
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
      Bounded: MessageTypeDefinition<_mpo_v1_Bounded, _mpo_v1_Bounded__Output>
      Budget: MessageTypeDefinition<_mpo_v1_Budget, _mpo_v1_Budget__Output>
      DesiredDocument: MessageTypeDefinition<_mpo_v1_DesiredDocument, _mpo_v1_DesiredDocument__Output>
      DesiredEnvelope: MessageTypeDefinition<_mpo_v1_DesiredEnvelope, _mpo_v1_DesiredEnvelope__Output>
      DeviceIdentity: MessageTypeDefinition<_mpo_v1_DeviceIdentity, _mpo_v1_DeviceIdentity__Output>
      DocumentSignature: MessageTypeDefinition<_mpo_v1_DocumentSignature, _mpo_v1_DocumentSignature__Output>
      DocumentState: EnumTypeDefinition
      DocumentStatus: MessageTypeDefinition<_mpo_v1_DocumentStatus, _mpo_v1_DocumentStatus__Output>
      DocumentVersion: MessageTypeDefinition<_mpo_v1_DocumentVersion, _mpo_v1_DocumentVersion__Output>
      EnrollRequest: MessageTypeDefinition<_mpo_v1_EnrollRequest, _mpo_v1_EnrollRequest__Output>
      EnrollResponse: MessageTypeDefinition<_mpo_v1_EnrollResponse, _mpo_v1_EnrollResponse__Output>
      EnrollmentState: EnumTypeDefinition
      FleetService: SubtypeConstructor<typeof grpc.Client, _mpo_v1_FleetServiceClient> & { service: _mpo_v1_FleetServiceDefinition }
      FreezingRates: MessageTypeDefinition<_mpo_v1_FreezingRates, _mpo_v1_FreezingRates__Output>
      Gpu: MessageTypeDefinition<_mpo_v1_Gpu, _mpo_v1_Gpu__Output>
      HeartbeatRequest: MessageTypeDefinition<_mpo_v1_HeartbeatRequest, _mpo_v1_HeartbeatRequest__Output>
      HeartbeatResponse: MessageTypeDefinition<_mpo_v1_HeartbeatResponse, _mpo_v1_HeartbeatResponse__Output>
      HelloRequest: MessageTypeDefinition<_mpo_v1_HelloRequest, _mpo_v1_HelloRequest__Output>
      HelloResponse: MessageTypeDefinition<_mpo_v1_HelloResponse, _mpo_v1_HelloResponse__Output>
      Inventory: MessageTypeDefinition<_mpo_v1_Inventory, _mpo_v1_Inventory__Output>
      Judgement: EnumTypeDefinition
      KeepAll: MessageTypeDefinition<_mpo_v1_KeepAll, _mpo_v1_KeepAll__Output>
      Label: MessageTypeDefinition<_mpo_v1_Label, _mpo_v1_Label__Output>
      MemoryFacts: MessageTypeDefinition<_mpo_v1_MemoryFacts, _mpo_v1_MemoryFacts__Output>
      Objective: EnumTypeDefinition
      ProbeFailure: MessageTypeDefinition<_mpo_v1_ProbeFailure, _mpo_v1_ProbeFailure__Output>
      ProbeOrder: MessageTypeDefinition<_mpo_v1_ProbeOrder, _mpo_v1_ProbeOrder__Output>
      ProbingCost: MessageTypeDefinition<_mpo_v1_ProbingCost, _mpo_v1_ProbingCost__Output>
      Profile: MessageTypeDefinition<_mpo_v1_Profile, _mpo_v1_Profile__Output>
      ProfiledDevice: MessageTypeDefinition<_mpo_v1_ProfiledDevice, _mpo_v1_ProfiledDevice__Output>
      ProfiledModel: MessageTypeDefinition<_mpo_v1_ProfiledModel, _mpo_v1_ProfiledModel__Output>
      ProfilingSoftware: MessageTypeDefinition<_mpo_v1_ProfilingSoftware, _mpo_v1_ProfilingSoftware__Output>
      Reason: MessageTypeDefinition<_mpo_v1_Reason, _mpo_v1_Reason__Output>
      ReportProfileRequest: MessageTypeDefinition<_mpo_v1_ReportProfileRequest, _mpo_v1_ReportProfileRequest__Output>
      ReportProfileResponse: MessageTypeDefinition<_mpo_v1_ReportProfileResponse, _mpo_v1_ReportProfileResponse__Output>
      ReportStatusRequest: MessageTypeDefinition<_mpo_v1_ReportStatusRequest, _mpo_v1_ReportStatusRequest__Output>
      ReportStatusResponse: MessageTypeDefinition<_mpo_v1_ReportStatusResponse, _mpo_v1_ReportStatusResponse__Output>
      Resources: MessageTypeDefinition<_mpo_v1_Resources, _mpo_v1_Resources__Output>
      RetrainConfig: MessageTypeDefinition<_mpo_v1_RetrainConfig, _mpo_v1_RetrainConfig__Output>
      Rung: MessageTypeDefinition<_mpo_v1_Rung, _mpo_v1_Rung__Output>
      ServedModel: MessageTypeDefinition<_mpo_v1_ServedModel, _mpo_v1_ServedModel__Output>
      StepSample: MessageTypeDefinition<_mpo_v1_StepSample, _mpo_v1_StepSample__Output>
      TrainingMethod: MessageTypeDefinition<_mpo_v1_TrainingMethod, _mpo_v1_TrainingMethod__Output>
      UniformSegments: MessageTypeDefinition<_mpo_v1_UniformSegments, _mpo_v1_UniformSegments__Output>
      UnitActions: MessageTypeDefinition<_mpo_v1_UnitActions, _mpo_v1_UnitActions__Output>
      UnitBoundaries: MessageTypeDefinition<_mpo_v1_UnitBoundaries, _mpo_v1_UnitBoundaries__Output>
      UnitTimeSample: MessageTypeDefinition<_mpo_v1_UnitTimeSample, _mpo_v1_UnitTimeSample__Output>
      UpdateSample: MessageTypeDefinition<_mpo_v1_UpdateSample, _mpo_v1_UpdateSample__Output>
      WindowOutcome: EnumTypeDefinition
      WindowResult: MessageTypeDefinition<_mpo_v1_WindowResult, _mpo_v1_WindowResult__Output>
    }
  }
}

