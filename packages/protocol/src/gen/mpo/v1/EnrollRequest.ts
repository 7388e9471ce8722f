// Original file: mpo/v1/fleet.proto

import type { DeviceIdentity as _mpo_v1_DeviceIdentity, DeviceIdentity__Output as _mpo_v1_DeviceIdentity__Output } from '../../mpo/v1/DeviceIdentity.ts';
import type { Inventory as _mpo_v1_Inventory, Inventory__Output as _mpo_v1_Inventory__Output } from '../../mpo/v1/Inventory.ts';
import type { Label as _mpo_v1_Label, Label__Output as _mpo_v1_Label__Output } from '../../mpo/v1/Label.ts';

export interface EnrollRequest {
  'identity'?: (_mpo_v1_DeviceIdentity | null);
  'joinToken'?: (string);
  'publicKey'?: (Buffer | Uint8Array | string);
  'inventory'?: (_mpo_v1_Inventory | null);
  'labels'?: (_mpo_v1_Label)[];
}

export interface EnrollRequest__Output {
  'identity': (_mpo_v1_DeviceIdentity__Output | null);
  'joinToken': (string);
  'publicKey': (Buffer);
  'inventory': (_mpo_v1_Inventory__Output | null);
  'labels': (_mpo_v1_Label__Output)[];
}
