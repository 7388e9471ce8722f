// Original file: mpo/v1/fleet.proto

import type { DocumentVersion as _mpo_v1_DocumentVersion, DocumentVersion__Output as _mpo_v1_DocumentVersion__Output } from '../../mpo/v1/DocumentVersion.ts';

export interface ReportStatusResponse {
  'isDuplicate'?: (boolean);
  'desiredVersion'?: (_mpo_v1_DocumentVersion | null);
}

export interface ReportStatusResponse__Output {
  'isDuplicate': (boolean);
  'desiredVersion': (_mpo_v1_DocumentVersion__Output | null);
}
