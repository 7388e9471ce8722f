// Original file: mpo/v1/config.proto


export interface UnitActions {
  'actions'?: (number)[];
}

export interface UnitActions__Output {
  'actions': (number)[];
}
