// Original file: mpo/v1/profile.proto


export interface TrainingMethod {
  'loss'?: (string);
  'optimizer'?: (string);
}

export interface TrainingMethod__Output {
  'loss': (string);
  'optimizer': (string);
}
