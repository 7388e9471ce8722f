// Original file: mpo/v1/fleet.proto

import type { Long } from '@grpc/proto-loader';

export interface ReportProfileResponse {
  'isDuplicate'?: (boolean);
  'revision'?: (number | string | Long);
  'needsChain'?: (boolean);
}

export interface ReportProfileResponse__Output {
  'isDuplicate': (boolean);
  'revision': (string);
  'needsChain': (boolean);
}
