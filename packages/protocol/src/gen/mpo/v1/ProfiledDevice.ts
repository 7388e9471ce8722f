// Original file: mpo/v1/profile.proto


export interface ProfiledDevice {
  'id'?: (string);
  'class'?: (string);
}

export interface ProfiledDevice__Output {
  'id': (string);
  'class': (string);
}
