// Original file: mpo/v1/admin.proto


export interface ListProfilesRequest {
  'tenant'?: (string);
  'device'?: (string);
  'model'?: (string);
  'pageSize'?: (number);
  'pageToken'?: (string);
}

export interface ListProfilesRequest__Output {
  'tenant': (string);
  'device': (string);
  'model': (string);
  'pageSize': (number);
  'pageToken': (string);
}
