// Original file: mpo/v1/admin.proto

import type { DesiredDocument as _mpo_v1_DesiredDocument, DesiredDocument__Output as _mpo_v1_DesiredDocument__Output } from '../../mpo/v1/DesiredDocument.ts';

export interface RollbackConfigResponse {
  'document'?: (_mpo_v1_DesiredDocument | null);
}

export interface RollbackConfigResponse__Output {
  'document': (_mpo_v1_DesiredDocument__Output | null);
}
