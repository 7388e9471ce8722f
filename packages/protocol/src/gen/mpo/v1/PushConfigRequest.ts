// Original file: mpo/v1/admin.proto

import type { DeviceIdentity as _mpo_v1_DeviceIdentity, DeviceIdentity__Output as _mpo_v1_DeviceIdentity__Output } from '../../mpo/v1/DeviceIdentity.ts';
import type { Budget as _mpo_v1_Budget, Budget__Output as _mpo_v1_Budget__Output } from '../../mpo/v1/Budget.ts';
import type { Objective as _mpo_v1_Objective, Objective__Output as _mpo_v1_Objective__Output } from '../../mpo/v1/Objective.ts';
import type { RetrainConfig as _mpo_v1_RetrainConfig, RetrainConfig__Output as _mpo_v1_RetrainConfig__Output } from '../../mpo/v1/RetrainConfig.ts';
import type { DocumentVersion as _mpo_v1_DocumentVersion, DocumentVersion__Output as _mpo_v1_DocumentVersion__Output } from '../../mpo/v1/DocumentVersion.ts';

export interface PushConfigRequest {
  'identity'?: (_mpo_v1_DeviceIdentity | null);
  'model'?: (string);
  'budget'?: (_mpo_v1_Budget | null);
  'objective'?: (_mpo_v1_Objective);
  'config'?: (_mpo_v1_RetrainConfig | null);
  'expectedVersion'?: (_mpo_v1_DocumentVersion | null);
  'reason'?: (string);
  '_objective'?: "objective";
}

export interface PushConfigRequest__Output {
  'identity': (_mpo_v1_DeviceIdentity__Output | null);
  'model': (string);
  'budget': (_mpo_v1_Budget__Output | null);
  'objective'?: (_mpo_v1_Objective__Output);
  'config': (_mpo_v1_RetrainConfig__Output | null);
  'expectedVersion': (_mpo_v1_DocumentVersion__Output | null);
  'reason': (string);
}
