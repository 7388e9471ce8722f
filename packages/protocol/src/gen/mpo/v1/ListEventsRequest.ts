// Original file: mpo/v1/admin.proto

import type { Long } from '@grpc/proto-loader';

export interface ListEventsRequest {
  'tenant'?: (string);
  'device'?: (string);
  'beforeSequence'?: (number | string | Long);
  'pageSize'?: (number);
}

export interface ListEventsRequest__Output {
  'tenant': (string);
  'device': (string);
  'beforeSequence': (string);
  'pageSize': (number);
}
