// Original file: mpo/v1/profile.proto

import type { FreezingRates as _mpo_v1_FreezingRates, FreezingRates__Output as _mpo_v1_FreezingRates__Output } from '../../mpo/v1/FreezingRates.ts';
import type { AccuracyJudge as _mpo_v1_AccuracyJudge, AccuracyJudge__Output as _mpo_v1_AccuracyJudge__Output } from '../../mpo/v1/AccuracyJudge.ts';
import type { AccuracyPoint as _mpo_v1_AccuracyPoint, AccuracyPoint__Output as _mpo_v1_AccuracyPoint__Output } from '../../mpo/v1/AccuracyPoint.ts';

export interface AccuracySample {
  'freezing'?: (_mpo_v1_FreezingRates | null);
  'microBatch'?: (number);
  'judge'?: (_mpo_v1_AccuracyJudge);
  'startAccuracy'?: (number | string);
  'points'?: (_mpo_v1_AccuracyPoint)[];
  'judgedSamples'?: (number);
}

export interface AccuracySample__Output {
  'freezing': (_mpo_v1_FreezingRates__Output | null);
  'microBatch': (number);
  'judge': (_mpo_v1_AccuracyJudge__Output);
  'startAccuracy': (number);
  'points': (_mpo_v1_AccuracyPoint__Output)[];
  'judgedSamples': (number);
}
