// Original file: mpo/v1/fleet.proto

import type { DeviceIdentity as _mpo_v1_DeviceIdentity, DeviceIdentity__Output as _mpo_v1_DeviceIdentity__Output } from '../../mpo/v1/DeviceIdentity.ts';
import type { Inventory as _mpo_v1_Inventory, Inventory__Output as _mpo_v1_Inventory__Output } from '../../mpo/v1/Inventory.ts';
import type { Resources as _mpo_v1_Resources, Resources__Output as _mpo_v1_Resources__Output } from '../../mpo/v1/Resources.ts';
import type { Label as _mpo_v1_Label, Label__Output as _mpo_v1_Label__Output } from '../../mpo/v1/Label.ts';
import type { ServedModel as _mpo_v1_ServedModel, ServedModel__Output as _mpo_v1_ServedModel__Output } from '../../mpo/v1/ServedModel.ts';
import type { DocumentVersion as _mpo_v1_DocumentVersion, DocumentVersion__Output as _mpo_v1_DocumentVersion__Output } from '../../mpo/v1/DocumentVersion.ts';

export interface HelloRequest {
  'identity'?: (_mpo_v1_DeviceIdentity | null);
  'inventory'?: (_mpo_v1_Inventory | null);
  'resources'?: (_mpo_v1_Resources | null);
  'labels'?: (_mpo_v1_Label)[];
  'models'?: (_mpo_v1_ServedModel)[];
  'versionFloor'?: (_mpo_v1_DocumentVersion | null);
  'appliedVersion'?: (_mpo_v1_DocumentVersion | null);
}

export interface HelloRequest__Output {
  'identity': (_mpo_v1_DeviceIdentity__Output | null);
  'inventory': (_mpo_v1_Inventory__Output | null);
  'resources': (_mpo_v1_Resources__Output | null);
  'labels': (_mpo_v1_Label__Output)[];
  'models': (_mpo_v1_ServedModel__Output)[];
  'versionFloor': (_mpo_v1_DocumentVersion__Output | null);
  'appliedVersion': (_mpo_v1_DocumentVersion__Output | null);
}
