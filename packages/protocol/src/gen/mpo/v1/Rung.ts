// Original file: mpo/v1/config.proto

import type { RetrainConfig as _mpo_v1_RetrainConfig, RetrainConfig__Output as _mpo_v1_RetrainConfig__Output } from '../../mpo/v1/RetrainConfig.ts';
import type { Bounded as _mpo_v1_Bounded, Bounded__Output as _mpo_v1_Bounded__Output } from '../../mpo/v1/Bounded.ts';
import type { AccuracyPrediction as _mpo_v1_AccuracyPrediction, AccuracyPrediction__Output as _mpo_v1_AccuracyPrediction__Output } from '../../mpo/v1/AccuracyPrediction.ts';

export interface Rung {
  'config'?: (_mpo_v1_RetrainConfig | null);
  'memoryBytes'?: (_mpo_v1_Bounded | null);
  'stepMs'?: (_mpo_v1_Bounded | null);
  'stepsInWindow'?: (number);
  'accuracy'?: (_mpo_v1_AccuracyPrediction | null);
  'trainingMs'?: (number | string);
  'unknowns'?: (string)[];
}

export interface Rung__Output {
  'config': (_mpo_v1_RetrainConfig__Output | null);
  'memoryBytes': (_mpo_v1_Bounded__Output | null);
  'stepMs': (_mpo_v1_Bounded__Output | null);
  'stepsInWindow': (number);
  'accuracy': (_mpo_v1_AccuracyPrediction__Output | null);
  'trainingMs': (number);
  'unknowns': (string)[];
}
