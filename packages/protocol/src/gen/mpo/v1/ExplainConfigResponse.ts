// Original file: mpo/v1/admin.proto

import type { DesiredDocument as _mpo_v1_DesiredDocument, DesiredDocument__Output as _mpo_v1_DesiredDocument__Output } from '../../mpo/v1/DesiredDocument.ts';
import type { RejectedRung as _mpo_v1_RejectedRung, RejectedRung__Output as _mpo_v1_RejectedRung__Output } from '../../mpo/v1/RejectedRung.ts';

export interface ExplainConfigResponse {
  'document'?: (_mpo_v1_DesiredDocument | null);
  'considered'?: (number);
  'overBudget'?: (number);
  'rejected'?: (_mpo_v1_RejectedRung)[];
}

export interface ExplainConfigResponse__Output {
  'document': (_mpo_v1_DesiredDocument__Output | null);
  'considered': (number);
  'overBudget': (number);
  'rejected': (_mpo_v1_RejectedRung__Output)[];
}
