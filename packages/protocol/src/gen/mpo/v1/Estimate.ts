// Original file: mpo/v1/config.proto


export interface Estimate {
  'value'?: (number | string);
  'lower'?: (number | string);
  'upper'?: (number | string);
}

export interface Estimate__Output {
  'value': (number);
  'lower': (number);
  'upper': (number);
}
