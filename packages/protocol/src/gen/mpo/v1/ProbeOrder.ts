// Original file: mpo/v1/fleet.proto

import type { RetrainConfig as _mpo_v1_RetrainConfig, RetrainConfig__Output as _mpo_v1_RetrainConfig__Output } from '../../mpo/v1/RetrainConfig.ts';

export interface ProbeOrder {
  'order'?: (string);
  'model'?: (string);
  'modelDigest'?: (Buffer | Uint8Array | string);
  'configs'?: (_mpo_v1_RetrainConfig)[];
  'maxMs'?: (number | string);
}

export interface ProbeOrder__Output {
  'order': (string);
  'model': (string);
  'modelDigest': (Buffer);
  'configs': (_mpo_v1_RetrainConfig__Output)[];
  'maxMs': (number);
}
