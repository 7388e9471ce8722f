// Original file: mpo/v1/config.proto

import type { FreezingRates as _mpo_v1_FreezingRates, FreezingRates__Output as _mpo_v1_FreezingRates__Output } from '../../mpo/v1/FreezingRates.ts';
import type { KeepAll as _mpo_v1_KeepAll, KeepAll__Output as _mpo_v1_KeepAll__Output } from '../../mpo/v1/KeepAll.ts';
import type { UniformSegments as _mpo_v1_UniformSegments, UniformSegments__Output as _mpo_v1_UniformSegments__Output } from '../../mpo/v1/UniformSegments.ts';
import type { UnitBoundaries as _mpo_v1_UnitBoundaries, UnitBoundaries__Output as _mpo_v1_UnitBoundaries__Output } from '../../mpo/v1/UnitBoundaries.ts';
import type { UnitActions as _mpo_v1_UnitActions, UnitActions__Output as _mpo_v1_UnitActions__Output } from '../../mpo/v1/UnitActions.ts';

export interface RetrainConfig {
  'microBatch'?: (number);
  'accumulation'?: (number);
  'freezing'?: (_mpo_v1_FreezingRates | null);
  'none'?: (_mpo_v1_KeepAll | null);
  'uniform'?: (_mpo_v1_UniformSegments | null);
  'boundaries'?: (_mpo_v1_UnitBoundaries | null);
  'schedule'?: (_mpo_v1_UnitActions | null);
  'checkpoints'?: "none"|"uniform"|"boundaries"|"schedule";
}

export interface RetrainConfig__Output {
  'microBatch': (number);
  'accumulation': (number);
  'freezing': (_mpo_v1_FreezingRates__Output | null);
  'none'?: (_mpo_v1_KeepAll__Output | null);
  'uniform'?: (_mpo_v1_UniformSegments__Output | null);
  'boundaries'?: (_mpo_v1_UnitBoundaries__Output | null);
  'schedule'?: (_mpo_v1_UnitActions__Output | null);
}
