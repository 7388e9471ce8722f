// Original file: mpo/v1/config.proto

import type { DocumentSignature as _mpo_v1_DocumentSignature, DocumentSignature__Output as _mpo_v1_DocumentSignature__Output } from '../../mpo/v1/DocumentSignature.ts';

export interface DesiredEnvelope {
  'document'?: (Buffer | Uint8Array | string);
  'signatures'?: (_mpo_v1_DocumentSignature)[];
}

export interface DesiredEnvelope__Output {
  'document': (Buffer);
  'signatures': (_mpo_v1_DocumentSignature__Output)[];
}
