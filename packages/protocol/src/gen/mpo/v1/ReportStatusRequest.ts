// Original file: mpo/v1/fleet.proto

import type { DeviceIdentity as _mpo_v1_DeviceIdentity, DeviceIdentity__Output as _mpo_v1_DeviceIdentity__Output } from '../../mpo/v1/DeviceIdentity.ts';
import type { DocumentStatus as _mpo_v1_DocumentStatus, DocumentStatus__Output as _mpo_v1_DocumentStatus__Output } from '../../mpo/v1/DocumentStatus.ts';
import type { WindowResult as _mpo_v1_WindowResult, WindowResult__Output as _mpo_v1_WindowResult__Output } from '../../mpo/v1/WindowResult.ts';
import type { ProbeFailure as _mpo_v1_ProbeFailure, ProbeFailure__Output as _mpo_v1_ProbeFailure__Output } from '../../mpo/v1/ProbeFailure.ts';
import type { Long } from '@grpc/proto-loader';

export interface ReportStatusRequest {
  'identity'?: (_mpo_v1_DeviceIdentity | null);
  'report'?: (string);
  'sequence'?: (number | string | Long);
  'reportedAtMs'?: (number | string | Long);
  'document'?: (_mpo_v1_DocumentStatus | null);
  'window'?: (_mpo_v1_WindowResult | null);
  'probe'?: (_mpo_v1_ProbeFailure | null);
  'status'?: "document"|"window"|"probe";
}

export interface ReportStatusRequest__Output {
  'identity': (_mpo_v1_DeviceIdentity__Output | null);
  'report': (string);
  'sequence': (string);
  'reportedAtMs': (string);
  'document'?: (_mpo_v1_DocumentStatus__Output | null);
  'window'?: (_mpo_v1_WindowResult__Output | null);
  'probe'?: (_mpo_v1_ProbeFailure__Output | null);
}
