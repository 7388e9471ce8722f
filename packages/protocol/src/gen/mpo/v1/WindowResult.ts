// Original file: mpo/v1/fleet.proto

import type { Rung as _mpo_v1_Rung, Rung__Output as _mpo_v1_Rung__Output } from '../../mpo/v1/Rung.ts';
import type { WindowOutcome as _mpo_v1_WindowOutcome, WindowOutcome__Output as _mpo_v1_WindowOutcome__Output } from '../../mpo/v1/WindowOutcome.ts';
import type { Judgement as _mpo_v1_Judgement, Judgement__Output as _mpo_v1_Judgement__Output } from '../../mpo/v1/Judgement.ts';
import type { Long } from '@grpc/proto-loader';

export interface WindowResult {
  'window'?: (string);
  'model'?: (string);
  'openedAtMs'?: (number | string | Long);
  'rung'?: (_mpo_v1_Rung | null);
  'outcome'?: (_mpo_v1_WindowOutcome);
  'peakBytes'?: (number | string | Long);
  'durationMs'?: (number | string);
  'steps'?: (number);
  'stepMs'?: (number | string);
  'judgement'?: (_mpo_v1_Judgement);
  'accuracyBefore'?: (number | string);
  'accuracyAfter'?: (number | string);
  'message'?: (string);
  '_peakBytes'?: "peakBytes";
  '_stepMs'?: "stepMs";
  '_judgement'?: "judgement";
  '_accuracyBefore'?: "accuracyBefore";
  '_accuracyAfter'?: "accuracyAfter";
}

export interface WindowResult__Output {
  'window': (string);
  'model': (string);
  'openedAtMs': (string);
  'rung': (_mpo_v1_Rung__Output | null);
  'outcome': (_mpo_v1_WindowOutcome__Output);
  'peakBytes'?: (string);
  'durationMs': (number);
  'steps': (number);
  'stepMs'?: (number);
  'judgement'?: (_mpo_v1_Judgement__Output);
  'accuracyBefore'?: (number);
  'accuracyAfter'?: (number);
  'message': (string);
}
