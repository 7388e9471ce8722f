// Original file: mpo/v1/profile.proto


export interface PredictionSpread {
  'memoryShare'?: (number | string);
  'timeShare'?: (number | string);
  'measurements'?: (number);
}

export interface PredictionSpread__Output {
  'memoryShare': (number);
  'timeShare': (number);
  'measurements': (number);
}
