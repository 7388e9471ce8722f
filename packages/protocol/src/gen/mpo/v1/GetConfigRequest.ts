// Original file: mpo/v1/admin.proto

import type { DeviceIdentity as _mpo_v1_DeviceIdentity, DeviceIdentity__Output as _mpo_v1_DeviceIdentity__Output } from '../../mpo/v1/DeviceIdentity.ts';
import type { DocumentVersion as _mpo_v1_DocumentVersion, DocumentVersion__Output as _mpo_v1_DocumentVersion__Output } from '../../mpo/v1/DocumentVersion.ts';

export interface GetConfigRequest {
  'identity'?: (_mpo_v1_DeviceIdentity | null);
  'version'?: (_mpo_v1_DocumentVersion | null);
}

export interface GetConfigRequest__Output {
  'identity': (_mpo_v1_DeviceIdentity__Output | null);
  'version': (_mpo_v1_DocumentVersion__Output | null);
}
