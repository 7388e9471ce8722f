// Original file: mpo/v1/device.proto


export interface Label {
  'name'?: (string);
  'value'?: (string);
}

export interface Label__Output {
  'name': (string);
  'value': (string);
}
