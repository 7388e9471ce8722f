// Original file: mpo/v1/admin.proto

import type { Profile as _mpo_v1_Profile, Profile__Output as _mpo_v1_Profile__Output } from '../../mpo/v1/Profile.ts';
import type { Long } from '@grpc/proto-loader';

export interface GetProfileResponse {
  'profile'?: (_mpo_v1_Profile | null);
  'revision'?: (number | string | Long);
}

export interface GetProfileResponse__Output {
  'profile': (_mpo_v1_Profile__Output | null);
  'revision': (string);
}
