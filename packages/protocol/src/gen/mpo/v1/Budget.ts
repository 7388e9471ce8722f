// Original file: mpo/v1/config.proto

import type { Long } from '@grpc/proto-loader';

export interface Budget {
  'memoryBytes'?: (number | string | Long);
  'windowMs'?: (number | string);
}

export interface Budget__Output {
  'memoryBytes': (string);
  'windowMs': (number);
}
