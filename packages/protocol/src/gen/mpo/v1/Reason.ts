// Original file: mpo/v1/config.proto


export interface Reason {
  'code'?: (string);
  'text'?: (string);
}

export interface Reason__Output {
  'code': (string);
  'text': (string);
}
