// Original file: mpo/v1/config.proto

import type { Long } from '@grpc/proto-loader';

export interface Budget {
  'memoryBytes'?: (number | string | Long);
  'windowSeconds'?: (number | string);
}

export interface Budget__Output {
  'memoryBytes': (string);
  'windowSeconds': (number);
}
