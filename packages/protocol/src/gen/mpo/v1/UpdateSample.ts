// Original file: mpo/v1/profile.proto

import type { Long } from '@grpc/proto-loader';

export interface UpdateSample {
  'parameterBytes'?: (number | string | Long);
  'updateMs'?: (number | string)[];
  'accumulateMs'?: (number | string)[];
}

export interface UpdateSample__Output {
  'parameterBytes': (string);
  'updateMs': (number)[];
  'accumulateMs': (number)[];
}
