// Original file: mpo/v1/profile.proto


export interface ProbingCost {
  'ms'?: (number | string);
  'peakBytes'?: (number | string);
  'configs'?: (number);
}

export interface ProbingCost__Output {
  'ms': (number);
  'peakBytes': (number);
  'configs': (number);
}
