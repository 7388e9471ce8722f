// Original file: mpo/v1/config.proto

import type { Long } from '@grpc/proto-loader';

export interface DocumentVersion {
  'epoch'?: (number | string | Long);
  'version'?: (number | string | Long);
}

export interface DocumentVersion__Output {
  'epoch': (string);
  'version': (string);
}
