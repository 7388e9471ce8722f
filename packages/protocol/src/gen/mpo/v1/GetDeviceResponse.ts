// Original file: mpo/v1/admin.proto

import type { Device as _mpo_v1_Device, Device__Output as _mpo_v1_Device__Output } from '../../mpo/v1/Device.ts';
import type { WindowResult as _mpo_v1_WindowResult, WindowResult__Output as _mpo_v1_WindowResult__Output } from '../../mpo/v1/WindowResult.ts';
import type { ProbeFailure as _mpo_v1_ProbeFailure, ProbeFailure__Output as _mpo_v1_ProbeFailure__Output } from '../../mpo/v1/ProbeFailure.ts';

export interface GetDeviceResponse {
  'device'?: (_mpo_v1_Device | null);
  'windows'?: (_mpo_v1_WindowResult)[];
  'probeFailures'?: (_mpo_v1_ProbeFailure)[];
}

export interface GetDeviceResponse__Output {
  'device': (_mpo_v1_Device__Output | null);
  'windows': (_mpo_v1_WindowResult__Output)[];
  'probeFailures': (_mpo_v1_ProbeFailure__Output)[];
}
