// Original file: mpo/v1/profile.proto


export interface UnitTimeSample {
  'unit'?: (number);
  'microBatch'?: (number);
  'forwardMs'?: (number | string)[];
  'backwardMs'?: (number | string)[];
  'normOnlyBackwardMs'?: (number | string)[];
}

export interface UnitTimeSample__Output {
  'unit': (number);
  'microBatch': (number);
  'forwardMs': (number)[];
  'backwardMs': (number)[];
  'normOnlyBackwardMs': (number)[];
}
