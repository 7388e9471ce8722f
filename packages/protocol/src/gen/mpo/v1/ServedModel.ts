// Original file: mpo/v1/device.proto


export interface ServedModel {
  'name'?: (string);
  'digest'?: (Buffer | Uint8Array | string);
}

export interface ServedModel__Output {
  'name': (string);
  'digest': (Buffer);
}
