// Original file: mpo/v1/admin.proto

import type { DeviceIdentity as _mpo_v1_DeviceIdentity, DeviceIdentity__Output as _mpo_v1_DeviceIdentity__Output } from '../../mpo/v1/DeviceIdentity.ts';
import type { Long } from '@grpc/proto-loader';

export interface ProfileSummary {
  'identity'?: (_mpo_v1_DeviceIdentity | null);
  'model'?: (string);
  'modelDigest'?: (Buffer | Uint8Array | string);
  'deviceClass'?: (string);
  'measuredAtMs'?: (number | string | Long);
  'stepCount'?: (number);
  'curveCount'?: (number);
  'revision'?: (number | string | Long);
}

export interface ProfileSummary__Output {
  'identity': (_mpo_v1_DeviceIdentity__Output | null);
  'model': (string);
  'modelDigest': (Buffer);
  'deviceClass': (string);
  'measuredAtMs': (string);
  'stepCount': (number);
  'curveCount': (number);
  'revision': (string);
}
