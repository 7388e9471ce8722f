// Original file: mpo/v1/admin.proto

import type { Rung as _mpo_v1_Rung, Rung__Output as _mpo_v1_Rung__Output } from '../../mpo/v1/Rung.ts';
import type { Reason as _mpo_v1_Reason, Reason__Output as _mpo_v1_Reason__Output } from '../../mpo/v1/Reason.ts';

export interface RejectedRung {
  'rung'?: (_mpo_v1_Rung | null);
  'reason'?: (_mpo_v1_Reason | null);
}

export interface RejectedRung__Output {
  'rung': (_mpo_v1_Rung__Output | null);
  'reason': (_mpo_v1_Reason__Output | null);
}
