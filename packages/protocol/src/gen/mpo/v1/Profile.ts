// Original file: mpo/v1/profile.proto

import type { ProfiledModel as _mpo_v1_ProfiledModel, ProfiledModel__Output as _mpo_v1_ProfiledModel__Output } from '../../mpo/v1/ProfiledModel.ts';
import type { ProfiledDevice as _mpo_v1_ProfiledDevice, ProfiledDevice__Output as _mpo_v1_ProfiledDevice__Output } from '../../mpo/v1/ProfiledDevice.ts';
import type { ProfilingSoftware as _mpo_v1_ProfilingSoftware, ProfilingSoftware__Output as _mpo_v1_ProfilingSoftware__Output } from '../../mpo/v1/ProfilingSoftware.ts';
import type { TrainingMethod as _mpo_v1_TrainingMethod, TrainingMethod__Output as _mpo_v1_TrainingMethod__Output } from '../../mpo/v1/TrainingMethod.ts';
import type { MemoryFacts as _mpo_v1_MemoryFacts, MemoryFacts__Output as _mpo_v1_MemoryFacts__Output } from '../../mpo/v1/MemoryFacts.ts';
import type { UnitTimeSample as _mpo_v1_UnitTimeSample, UnitTimeSample__Output as _mpo_v1_UnitTimeSample__Output } from '../../mpo/v1/UnitTimeSample.ts';
import type { StepSample as _mpo_v1_StepSample, StepSample__Output as _mpo_v1_StepSample__Output } from '../../mpo/v1/StepSample.ts';
import type { UpdateSample as _mpo_v1_UpdateSample, UpdateSample__Output as _mpo_v1_UpdateSample__Output } from '../../mpo/v1/UpdateSample.ts';
import type { AccuracySample as _mpo_v1_AccuracySample, AccuracySample__Output as _mpo_v1_AccuracySample__Output } from '../../mpo/v1/AccuracySample.ts';
import type { ProbingCost as _mpo_v1_ProbingCost, ProbingCost__Output as _mpo_v1_ProbingCost__Output } from '../../mpo/v1/ProbingCost.ts';
import type { Long } from '@grpc/proto-loader';

export interface Profile {
  'version'?: (number);
  'model'?: (_mpo_v1_ProfiledModel | null);
  'device'?: (_mpo_v1_ProfiledDevice | null);
  'software'?: (_mpo_v1_ProfilingSoftware | null);
  'method'?: (_mpo_v1_TrainingMethod | null);
  'memoryFacts'?: (_mpo_v1_MemoryFacts | null);
  'effectiveBatch'?: (number);
  'idleBytes'?: (number | string);
  'unitTimes'?: (_mpo_v1_UnitTimeSample)[];
  'steps'?: (_mpo_v1_StepSample)[];
  'updates'?: (_mpo_v1_UpdateSample)[];
  'accuracy'?: (_mpo_v1_AccuracySample)[];
  'spent'?: (_mpo_v1_ProbingCost | null);
  'measuredAtMs'?: (number | string | Long);
}

export interface Profile__Output {
  'version': (number);
  'model': (_mpo_v1_ProfiledModel__Output | null);
  'device': (_mpo_v1_ProfiledDevice__Output | null);
  'software': (_mpo_v1_ProfilingSoftware__Output | null);
  'method': (_mpo_v1_TrainingMethod__Output | null);
  'memoryFacts': (_mpo_v1_MemoryFacts__Output | null);
  'effectiveBatch': (number);
  'idleBytes': (number);
  'unitTimes': (_mpo_v1_UnitTimeSample__Output)[];
  'steps': (_mpo_v1_StepSample__Output)[];
  'updates': (_mpo_v1_UpdateSample__Output)[];
  'accuracy': (_mpo_v1_AccuracySample__Output)[];
  'spent': (_mpo_v1_ProbingCost__Output | null);
  'measuredAtMs': (string);
}
