// Original file: mpo/v1/profile.proto


export interface ProfilingSoftware {
  'engine'?: (string);
  'library'?: (string);
}

export interface ProfilingSoftware__Output {
  'engine': (string);
  'library': (string);
}
