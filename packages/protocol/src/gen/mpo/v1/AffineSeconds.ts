// Original file: mpo/v1/profile.proto


export interface AffineSeconds {
  'fixed'?: (number | string);
  'perSample'?: (number | string);
}

export interface AffineSeconds__Output {
  'fixed': (number);
  'perSample': (number);
}
