// Original file: mpo/v1/admin.proto

import type { Long } from '@grpc/proto-loader';

export interface WatchEventsRequest {
  'tenant'?: (string);
  'device'?: (string);
  'afterSequence'?: (number | string | Long);
}

export interface WatchEventsRequest__Output {
  'tenant': (string);
  'device': (string);
  'afterSequence': (string);
}
