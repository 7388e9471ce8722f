// Original file: mpo/v1/config.proto


export interface DocumentSignature {
  'key'?: (string);
  'signature'?: (Buffer | Uint8Array | string);
}

export interface DocumentSignature__Output {
  'key': (string);
  'signature': (Buffer);
}
