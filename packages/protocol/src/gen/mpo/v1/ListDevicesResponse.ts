// Original file: mpo/v1/admin.proto

import type { Device as _mpo_v1_Device, Device__Output as _mpo_v1_Device__Output } from '../../mpo/v1/Device.ts';

export interface ListDevicesResponse {
  'devices'?: (_mpo_v1_Device)[];
  'nextPageToken'?: (string);
}

export interface ListDevicesResponse__Output {
  'devices': (_mpo_v1_Device__Output)[];
  'nextPageToken': (string);
}
