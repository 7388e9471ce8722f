// Original file: mpo/v1/admin.proto

import type { Device as _mpo_v1_Device, Device__Output as _mpo_v1_Device__Output } from '../../mpo/v1/Device.ts';
import type { WindowResult as _mpo_v1_WindowResult, WindowResult__Output as _mpo_v1_WindowResult__Output } from '../../mpo/v1/WindowResult.ts';

export interface GetDeviceResponse {
  'device'?: (_mpo_v1_Device | null);
  'windows'?: (_mpo_v1_WindowResult)[];
}

export interface GetDeviceResponse__Output {
  'device': (_mpo_v1_Device__Output | null);
  'windows': (_mpo_v1_WindowResult__Output)[];
}
