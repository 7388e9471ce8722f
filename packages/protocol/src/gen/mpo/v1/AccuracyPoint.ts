// Original file: mpo/v1/profile.proto


export interface AccuracyPoint {
  'steps'?: (number);
  'accuracy'?: (number | string);
}

export interface AccuracyPoint__Output {
  'steps': (number);
  'accuracy': (number);
}
