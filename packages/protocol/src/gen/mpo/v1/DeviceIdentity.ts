// Original file: mpo/v1/device.proto


export interface DeviceIdentity {
  'tenant'?: (string);
  'device'?: (string);
}

export interface DeviceIdentity__Output {
  'tenant': (string);
  'device': (string);
}
