// Original file: mpo/v1/config.proto


export interface AccuracyPrediction {
  'expected'?: (number | string);
  'lower'?: (number | string);
  'upper'?: (number | string);
  'steps'?: (number);
}

export interface AccuracyPrediction__Output {
  'expected': (number);
  'lower': (number);
  'upper': (number);
  'steps': (number);
}
