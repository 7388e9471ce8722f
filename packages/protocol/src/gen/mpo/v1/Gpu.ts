// Original file: mpo/v1/device.proto

import type { Long } from '@grpc/proto-loader';

export interface Gpu {
  'name'?: (string);
  'memoryBytes'?: (number | string | Long);
  'sharesMemory'?: (boolean);
}

export interface Gpu__Output {
  'name': (string);
  'memoryBytes': (string);
  'sharesMemory': (boolean);
}
