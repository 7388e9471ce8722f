// Original file: mpo/v1/profile.proto

import type { FreezingRates as _mpo_v1_FreezingRates, FreezingRates__Output as _mpo_v1_FreezingRates__Output } from '../../mpo/v1/FreezingRates.ts';
import type { Loss as _mpo_v1_Loss, Loss__Output as _mpo_v1_Loss__Output } from '../../mpo/v1/Loss.ts';
import type { CurvePoint as _mpo_v1_CurvePoint, CurvePoint__Output as _mpo_v1_CurvePoint__Output } from '../../mpo/v1/CurvePoint.ts';

export interface LearningCurve {
  'freezing'?: (_mpo_v1_FreezingRates | null);
  'microBatch'?: (number);
  'effectiveBatch'?: (number);
  'loss'?: (_mpo_v1_Loss);
  'hasLabels'?: (boolean);
  'points'?: (_mpo_v1_CurvePoint)[];
}

export interface LearningCurve__Output {
  'freezing': (_mpo_v1_FreezingRates__Output | null);
  'microBatch': (number);
  'effectiveBatch': (number);
  'loss': (_mpo_v1_Loss__Output);
  'hasLabels': (boolean);
  'points': (_mpo_v1_CurvePoint__Output)[];
}
