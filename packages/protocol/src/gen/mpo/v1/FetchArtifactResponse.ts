// Original file: mpo/v1/fleet.proto

import type { Long } from '@grpc/proto-loader';

export interface FetchArtifactResponse {
  'offset'?: (number | string | Long);
  'totalBytes'?: (number | string | Long);
  'data'?: (Buffer | Uint8Array | string);
  'dataDigest'?: (Buffer | Uint8Array | string);
}

export interface FetchArtifactResponse__Output {
  'offset': (string);
  'totalBytes': (string);
  'data': (Buffer);
  'dataDigest': (Buffer);
}
