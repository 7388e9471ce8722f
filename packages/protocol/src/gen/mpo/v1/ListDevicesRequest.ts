// Original file: mpo/v1/admin.proto

import type { Label as _mpo_v1_Label, Label__Output as _mpo_v1_Label__Output } from '../../mpo/v1/Label.ts';

export interface ListDevicesRequest {
  'tenant'?: (string);
  'labels'?: (_mpo_v1_Label)[];
  'deviceClass'?: (string);
  'pageSize'?: (number);
  'pageToken'?: (string);
}

export interface ListDevicesRequest__Output {
  'tenant': (string);
  'labels': (_mpo_v1_Label__Output)[];
  'deviceClass': (string);
  'pageSize': (number);
  'pageToken': (string);
}
