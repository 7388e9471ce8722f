// Original file: mpo/v1/profile.proto


export interface MemoryFacts {
  'slotsPerParameter'?: (number | string);
  'lossWorkBytesPerSample'?: (number | string);
}

export interface MemoryFacts__Output {
  'slotsPerParameter': (number);
  'lossWorkBytesPerSample': (number);
}
