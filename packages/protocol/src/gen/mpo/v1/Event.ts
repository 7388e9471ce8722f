// Original file: mpo/v1/admin.proto

import type { Long } from '@grpc/proto-loader';

export interface Event {
  'sequence'?: (number | string | Long);
  'atMs'?: (number | string | Long);
  'kind'?: (string);
  'tenant'?: (string);
  'device'?: (string);
  'actor'?: (string);
  'message'?: (string);
}

export interface Event__Output {
  'sequence': (string);
  'atMs': (string);
  'kind': (string);
  'tenant': (string);
  'device': (string);
  'actor': (string);
  'message': (string);
}
