// Original file: mpo/v1/profile.proto


export interface AffineBytes {
  'fixed'?: (number | string);
  'perSample'?: (number | string);
}

export interface AffineBytes__Output {
  'fixed': (number);
  'perSample': (number);
}
