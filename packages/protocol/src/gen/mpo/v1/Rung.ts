// Original file: mpo/v1/config.proto

import type { RetrainConfig as _mpo_v1_RetrainConfig, RetrainConfig__Output as _mpo_v1_RetrainConfig__Output } from '../../mpo/v1/RetrainConfig.ts';
import type { Estimate as _mpo_v1_Estimate, Estimate__Output as _mpo_v1_Estimate__Output } from '../../mpo/v1/Estimate.ts';

export interface Rung {
  'config'?: (_mpo_v1_RetrainConfig | null);
  'memoryBytes'?: (_mpo_v1_Estimate | null);
  'stepSeconds'?: (_mpo_v1_Estimate | null);
  'accuracy'?: (_mpo_v1_Estimate | null);
}

export interface Rung__Output {
  'config': (_mpo_v1_RetrainConfig__Output | null);
  'memoryBytes': (_mpo_v1_Estimate__Output | null);
  'stepSeconds': (_mpo_v1_Estimate__Output | null);
  'accuracy': (_mpo_v1_Estimate__Output | null);
}
