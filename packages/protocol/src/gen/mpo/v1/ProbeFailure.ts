// Original file: mpo/v1/fleet.proto

import type { Long } from '@grpc/proto-loader';

export interface ProbeFailure {
  'model'?: (string);
  'failedAtMs'?: (number | string | Long);
  'failures'?: (number);
  'retryAtMs'?: (number | string | Long);
  'message'?: (string);
}

export interface ProbeFailure__Output {
  'model': (string);
  'failedAtMs': (string);
  'failures': (number);
  'retryAtMs': (string);
  'message': (string);
}
