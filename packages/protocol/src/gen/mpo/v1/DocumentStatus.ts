// Original file: mpo/v1/fleet.proto

import type { DocumentVersion as _mpo_v1_DocumentVersion, DocumentVersion__Output as _mpo_v1_DocumentVersion__Output } from '../../mpo/v1/DocumentVersion.ts';
import type { DocumentState as _mpo_v1_DocumentState, DocumentState__Output as _mpo_v1_DocumentState__Output } from '../../mpo/v1/DocumentState.ts';

export interface DocumentStatus {
  'version'?: (_mpo_v1_DocumentVersion | null);
  'state'?: (_mpo_v1_DocumentState);
  'rung'?: (number);
  'message'?: (string);
  '_rung'?: "rung";
}

export interface DocumentStatus__Output {
  'version': (_mpo_v1_DocumentVersion__Output | null);
  'state': (_mpo_v1_DocumentState__Output);
  'rung'?: (number);
  'message': (string);
}
