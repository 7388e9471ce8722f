// Original file: mpo/v1/profile.proto


export interface CurvePoint {
  'step'?: (number);
  'accuracy'?: (number | string);
}

export interface CurvePoint__Output {
  'step': (number);
  'accuracy': (number);
}
