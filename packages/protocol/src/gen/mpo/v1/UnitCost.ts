// Original file: mpo/v1/profile.proto

import type { AffineBytes as _mpo_v1_AffineBytes, AffineBytes__Output as _mpo_v1_AffineBytes__Output } from '../../mpo/v1/AffineBytes.ts';
import type { AffineSeconds as _mpo_v1_AffineSeconds, AffineSeconds__Output as _mpo_v1_AffineSeconds__Output } from '../../mpo/v1/AffineSeconds.ts';

export interface UnitCost {
  'name'?: (string);
  'outputBytes'?: (_mpo_v1_AffineBytes | null);
  'savedBytes'?: (_mpo_v1_AffineBytes | null);
  'forward'?: (_mpo_v1_AffineSeconds | null);
  'backward'?: (_mpo_v1_AffineSeconds | null);
}

export interface UnitCost__Output {
  'name': (string);
  'outputBytes': (_mpo_v1_AffineBytes__Output | null);
  'savedBytes': (_mpo_v1_AffineBytes__Output | null);
  'forward': (_mpo_v1_AffineSeconds__Output | null);
  'backward': (_mpo_v1_AffineSeconds__Output | null);
}
