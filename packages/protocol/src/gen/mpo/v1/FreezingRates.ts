// Original file: mpo/v1/config.proto


export interface FreezingRates {
  'featureExtraction'?: (number | string);
  'normalisation'?: (number | string);
  'linear'?: (number | string);
}

export interface FreezingRates__Output {
  'featureExtraction': (number);
  'normalisation': (number);
  'linear': (number);
}
