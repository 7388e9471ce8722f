// Original file: mpo/v1/profile.proto

import type { RetrainConfig as _mpo_v1_RetrainConfig, RetrainConfig__Output as _mpo_v1_RetrainConfig__Output } from '../../mpo/v1/RetrainConfig.ts';
import type { Long } from '@grpc/proto-loader';

export interface StepSample {
  'config'?: (_mpo_v1_RetrainConfig | null);
  'plannedPeakBytes'?: (number | string | Long);
  'measuredPeakBytes'?: (number | string);
  'msPerStep'?: (number | string)[];
  '_measuredPeakBytes'?: "measuredPeakBytes";
}

export interface StepSample__Output {
  'config': (_mpo_v1_RetrainConfig__Output | null);
  'plannedPeakBytes': (string);
  'measuredPeakBytes'?: (number);
  'msPerStep': (number)[];
}
