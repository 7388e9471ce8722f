// Original file: mpo/v1/config.proto


export interface Bounded {
  'expected'?: (number | string);
  'upper'?: (number | string);
}

export interface Bounded__Output {
  'expected': (number);
  'upper': (number);
}
