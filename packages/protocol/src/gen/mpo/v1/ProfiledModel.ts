// Original file: mpo/v1/profile.proto

import type { Long } from '@grpc/proto-loader';

export interface ProfiledModel {
  'name'?: (string);
  'digest'?: (Buffer | Uint8Array | string);
  'unitCount'?: (number);
  'parameterCount'?: (number | string | Long);
  'hasBatchStatistics'?: (boolean);
}

export interface ProfiledModel__Output {
  'name': (string);
  'digest': (Buffer);
  'unitCount': (number);
  'parameterCount': (string);
  'hasBatchStatistics': (boolean);
}
