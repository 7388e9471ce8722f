// Original file: mpo/v1/admin.proto

import type { DeviceIdentity as _mpo_v1_DeviceIdentity, DeviceIdentity__Output as _mpo_v1_DeviceIdentity__Output } from '../../mpo/v1/DeviceIdentity.ts';
import type { Inventory as _mpo_v1_Inventory, Inventory__Output as _mpo_v1_Inventory__Output } from '../../mpo/v1/Inventory.ts';
import type { Resources as _mpo_v1_Resources, Resources__Output as _mpo_v1_Resources__Output } from '../../mpo/v1/Resources.ts';
import type { Label as _mpo_v1_Label, Label__Output as _mpo_v1_Label__Output } from '../../mpo/v1/Label.ts';
import type { ServedModel as _mpo_v1_ServedModel, ServedModel__Output as _mpo_v1_ServedModel__Output } from '../../mpo/v1/ServedModel.ts';
import type { Presence as _mpo_v1_Presence, Presence__Output as _mpo_v1_Presence__Output } from '../../mpo/v1/Presence.ts';
import type { DocumentVersion as _mpo_v1_DocumentVersion, DocumentVersion__Output as _mpo_v1_DocumentVersion__Output } from '../../mpo/v1/DocumentVersion.ts';
import type { DocumentStatus as _mpo_v1_DocumentStatus, DocumentStatus__Output as _mpo_v1_DocumentStatus__Output } from '../../mpo/v1/DocumentStatus.ts';
import type { Long } from '@grpc/proto-loader';

export interface Device {
  'identity'?: (_mpo_v1_DeviceIdentity | null);
  'inventory'?: (_mpo_v1_Inventory | null);
  'resources'?: (_mpo_v1_Resources | null);
  'labels'?: (_mpo_v1_Label)[];
  'models'?: (_mpo_v1_ServedModel)[];
  'presence'?: (_mpo_v1_Presence);
  'lastSeenMs'?: (number | string | Long);
  'desiredVersion'?: (_mpo_v1_DocumentVersion | null);
  'reportedStatus'?: (_mpo_v1_DocumentStatus | null);
}

export interface Device__Output {
  'identity': (_mpo_v1_DeviceIdentity__Output | null);
  'inventory': (_mpo_v1_Inventory__Output | null);
  'resources': (_mpo_v1_Resources__Output | null);
  'labels': (_mpo_v1_Label__Output)[];
  'models': (_mpo_v1_ServedModel__Output)[];
  'presence': (_mpo_v1_Presence__Output);
  'lastSeenMs': (string);
  'desiredVersion': (_mpo_v1_DocumentVersion__Output | null);
  'reportedStatus': (_mpo_v1_DocumentStatus__Output | null);
}
