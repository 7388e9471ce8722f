// Original file: mpo/v1/fleet.proto

import type { DeviceIdentity as _mpo_v1_DeviceIdentity, DeviceIdentity__Output as _mpo_v1_DeviceIdentity__Output } from '../../mpo/v1/DeviceIdentity.ts';
import type { Long } from '@grpc/proto-loader';

export interface FetchArtifactRequest {
  'identity'?: (_mpo_v1_DeviceIdentity | null);
  'digest'?: (Buffer | Uint8Array | string);
  'offset'?: (number | string | Long);
}

export interface FetchArtifactRequest__Output {
  'identity': (_mpo_v1_DeviceIdentity__Output | null);
  'digest': (Buffer);
  'offset': (string);
}
