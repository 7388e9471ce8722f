// Original file: mpo/v1/profile.proto


export interface ProbingCost {
  'ms'?: (number | string);
  'peakBytes'?: (number | string);
  'configs'?: (number);
  'othersCpuShare'?: (number | string);
  '_othersCpuShare'?: "othersCpuShare";
}

export interface ProbingCost__Output {
  'ms': (number);
  'peakBytes': (number);
  'configs': (number);
  'othersCpuShare'?: (number);
}
