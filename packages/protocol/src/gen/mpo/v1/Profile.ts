// Original file: mpo/v1/profile.proto

import type { Resources as _mpo_v1_Resources, Resources__Output as _mpo_v1_Resources__Output } from '../../mpo/v1/Resources.ts';
import type { UnitCost as _mpo_v1_UnitCost, UnitCost__Output as _mpo_v1_UnitCost__Output } from '../../mpo/v1/UnitCost.ts';
import type { StepMeasurement as _mpo_v1_StepMeasurement, StepMeasurement__Output as _mpo_v1_StepMeasurement__Output } from '../../mpo/v1/StepMeasurement.ts';
import type { LearningCurve as _mpo_v1_LearningCurve, LearningCurve__Output as _mpo_v1_LearningCurve__Output } from '../../mpo/v1/LearningCurve.ts';
import type { PredictionSpread as _mpo_v1_PredictionSpread, PredictionSpread__Output as _mpo_v1_PredictionSpread__Output } from '../../mpo/v1/PredictionSpread.ts';
import type { Long } from '@grpc/proto-loader';

export interface Profile {
  'format'?: (number);
  'model'?: (string);
  'modelDigest'?: (Buffer | Uint8Array | string);
  'deviceClass'?: (string);
  'measuredAtMs'?: (number | string | Long);
  'agentVersion'?: (string);
  'engineVersion'?: (string);
  'resources'?: (_mpo_v1_Resources | null);
  'units'?: (_mpo_v1_UnitCost)[];
  'parameterBytes'?: (number | string | Long);
  'updateSeconds'?: (number | string);
  'steps'?: (_mpo_v1_StepMeasurement)[];
  'curves'?: (_mpo_v1_LearningCurve)[];
  'spread'?: (_mpo_v1_PredictionSpread | null);
  'probeSeconds'?: (number | string);
}

export interface Profile__Output {
  'format': (number);
  'model': (string);
  'modelDigest': (Buffer);
  'deviceClass': (string);
  'measuredAtMs': (string);
  'agentVersion': (string);
  'engineVersion': (string);
  'resources': (_mpo_v1_Resources__Output | null);
  'units': (_mpo_v1_UnitCost__Output)[];
  'parameterBytes': (string);
  'updateSeconds': (number);
  'steps': (_mpo_v1_StepMeasurement__Output)[];
  'curves': (_mpo_v1_LearningCurve__Output)[];
  'spread': (_mpo_v1_PredictionSpread__Output | null);
  'probeSeconds': (number);
}
