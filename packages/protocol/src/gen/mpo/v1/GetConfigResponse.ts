// Original file: mpo/v1/admin.proto

import type { DesiredDocument as _mpo_v1_DesiredDocument, DesiredDocument__Output as _mpo_v1_DesiredDocument__Output } from '../../mpo/v1/DesiredDocument.ts';
import type { DocumentStatus as _mpo_v1_DocumentStatus, DocumentStatus__Output as _mpo_v1_DocumentStatus__Output } from '../../mpo/v1/DocumentStatus.ts';

export interface GetConfigResponse {
  'document'?: (_mpo_v1_DesiredDocument | null);
  'status'?: (_mpo_v1_DocumentStatus | null);
}

export interface GetConfigResponse__Output {
  'document': (_mpo_v1_DesiredDocument__Output | null);
  'status': (_mpo_v1_DocumentStatus__Output | null);
}
