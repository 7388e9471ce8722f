// Original file: mpo/v1/fleet.proto

import type { DeviceIdentity as _mpo_v1_DeviceIdentity, DeviceIdentity__Output as _mpo_v1_DeviceIdentity__Output } from '../../mpo/v1/DeviceIdentity.ts';
import type { Profile as _mpo_v1_Profile, Profile__Output as _mpo_v1_Profile__Output } from '../../mpo/v1/Profile.ts';

export interface ReportProfileRequest {
  'identity'?: (_mpo_v1_DeviceIdentity | null);
  'report'?: (string);
  'order'?: (string);
  'profile'?: (_mpo_v1_Profile | null);
  'chain'?: (Buffer | Uint8Array | string);
}

export interface ReportProfileRequest__Output {
  'identity': (_mpo_v1_DeviceIdentity__Output | null);
  'report': (string);
  'order': (string);
  'profile': (_mpo_v1_Profile__Output | null);
  'chain': (Buffer);
}
