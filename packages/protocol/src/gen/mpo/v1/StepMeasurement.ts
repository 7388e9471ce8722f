// Original file: mpo/v1/profile.proto

import type { RetrainConfig as _mpo_v1_RetrainConfig, RetrainConfig__Output as _mpo_v1_RetrainConfig__Output } from '../../mpo/v1/RetrainConfig.ts';
import type { StepOutcome as _mpo_v1_StepOutcome, StepOutcome__Output as _mpo_v1_StepOutcome__Output } from '../../mpo/v1/StepOutcome.ts';
import type { Long } from '@grpc/proto-loader';

export interface StepMeasurement {
  'config'?: (_mpo_v1_RetrainConfig | null);
  'outcome'?: (_mpo_v1_StepOutcome);
  'peakBytes'?: (number | string | Long);
  'capBytes'?: (number | string | Long);
  'stepSeconds'?: (number | string)[];
  '_peakBytes'?: "peakBytes";
  '_capBytes'?: "capBytes";
}

export interface StepMeasurement__Output {
  'config': (_mpo_v1_RetrainConfig__Output | null);
  'outcome': (_mpo_v1_StepOutcome__Output);
  'peakBytes'?: (string);
  'capBytes'?: (string);
  'stepSeconds': (number)[];
}
