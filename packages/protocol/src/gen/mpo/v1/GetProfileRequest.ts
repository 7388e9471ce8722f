// Original file: mpo/v1/admin.proto

import type { DeviceIdentity as _mpo_v1_DeviceIdentity, DeviceIdentity__Output as _mpo_v1_DeviceIdentity__Output } from '../../mpo/v1/DeviceIdentity.ts';

export interface GetProfileRequest {
  'identity'?: (_mpo_v1_DeviceIdentity | null);
  'model'?: (string);
}

export interface GetProfileRequest__Output {
  'identity': (_mpo_v1_DeviceIdentity__Output | null);
  'model': (string);
}
