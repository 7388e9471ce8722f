// Original file: mpo/v1/config.proto

import type { DocumentVersion as _mpo_v1_DocumentVersion, DocumentVersion__Output as _mpo_v1_DocumentVersion__Output } from '../../mpo/v1/DocumentVersion.ts';
import type { Objective as _mpo_v1_Objective, Objective__Output as _mpo_v1_Objective__Output } from '../../mpo/v1/Objective.ts';
import type { Budget as _mpo_v1_Budget, Budget__Output as _mpo_v1_Budget__Output } from '../../mpo/v1/Budget.ts';
import type { Rung as _mpo_v1_Rung, Rung__Output as _mpo_v1_Rung__Output } from '../../mpo/v1/Rung.ts';
import type { Reason as _mpo_v1_Reason, Reason__Output as _mpo_v1_Reason__Output } from '../../mpo/v1/Reason.ts';
import type { Long } from '@grpc/proto-loader';

export interface DesiredDocument {
  'tenant'?: (string);
  'device'?: (string);
  'deviceClass'?: (string);
  'version'?: (_mpo_v1_DocumentVersion | null);
  'issuedAtMs'?: (number | string | Long);
  'expiresAtMs'?: (number | string | Long);
  'model'?: (string);
  'modelDigest'?: (Buffer | Uint8Array | string);
  'objective'?: (_mpo_v1_Objective);
  'budget'?: (_mpo_v1_Budget | null);
  'rungs'?: (_mpo_v1_Rung)[];
  'chosenRung'?: (number);
  'reasons'?: (_mpo_v1_Reason)[];
}

export interface DesiredDocument__Output {
  'tenant': (string);
  'device': (string);
  'deviceClass': (string);
  'version': (_mpo_v1_DocumentVersion__Output | null);
  'issuedAtMs': (string);
  'expiresAtMs': (string);
  'model': (string);
  'modelDigest': (Buffer);
  'objective': (_mpo_v1_Objective__Output);
  'budget': (_mpo_v1_Budget__Output | null);
  'rungs': (_mpo_v1_Rung__Output)[];
  'chosenRung': (number);
  'reasons': (_mpo_v1_Reason__Output)[];
}
