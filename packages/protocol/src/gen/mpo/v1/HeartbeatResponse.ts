// Original file: mpo/v1/fleet.proto

import type { DocumentVersion as _mpo_v1_DocumentVersion, DocumentVersion__Output as _mpo_v1_DocumentVersion__Output } from '../../mpo/v1/DocumentVersion.ts';
import type { Long } from '@grpc/proto-loader';

export interface HeartbeatResponse {
  'serverTimeMs'?: (number | string | Long);
  'desiredVersion'?: (_mpo_v1_DocumentVersion | null);
  'heartbeatSeconds'?: (number);
  'needsHello'?: (boolean);
}

export interface HeartbeatResponse__Output {
  'serverTimeMs': (string);
  'desiredVersion': (_mpo_v1_DocumentVersion__Output | null);
  'heartbeatSeconds': (number);
  'needsHello': (boolean);
}
