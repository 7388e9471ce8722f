// Original file: mpo/v1/fleet.proto

import type { DeviceIdentity as _mpo_v1_DeviceIdentity, DeviceIdentity__Output as _mpo_v1_DeviceIdentity__Output } from '../../mpo/v1/DeviceIdentity.ts';
import type { Resources as _mpo_v1_Resources, Resources__Output as _mpo_v1_Resources__Output } from '../../mpo/v1/Resources.ts';
import type { DocumentVersion as _mpo_v1_DocumentVersion, DocumentVersion__Output as _mpo_v1_DocumentVersion__Output } from '../../mpo/v1/DocumentVersion.ts';

export interface HeartbeatRequest {
  'identity'?: (_mpo_v1_DeviceIdentity | null);
  'resources'?: (_mpo_v1_Resources | null);
  'appliedVersion'?: (_mpo_v1_DocumentVersion | null);
}

export interface HeartbeatRequest__Output {
  'identity': (_mpo_v1_DeviceIdentity__Output | null);
  'resources': (_mpo_v1_Resources__Output | null);
  'appliedVersion': (_mpo_v1_DocumentVersion__Output | null);
}
