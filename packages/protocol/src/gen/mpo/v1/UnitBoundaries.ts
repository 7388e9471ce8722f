// Original file: mpo/v1/config.proto


export interface UnitBoundaries {
  'at'?: (number)[];
}

export interface UnitBoundaries__Output {
  'at': (number)[];
}
