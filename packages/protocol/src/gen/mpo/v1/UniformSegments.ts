// Original file: mpo/v1/config.proto


export interface UniformSegments {
  'segments'?: (number);
}

export interface UniformSegments__Output {
  'segments': (number);
}
