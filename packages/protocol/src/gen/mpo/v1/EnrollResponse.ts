// Original file: mpo/v1/fleet.proto

import type { EnrollmentState as _mpo_v1_EnrollmentState, EnrollmentState__Output as _mpo_v1_EnrollmentState__Output } from '../../mpo/v1/EnrollmentState.ts';

export interface EnrollResponse {
  'state'?: (_mpo_v1_EnrollmentState);
  'certificatePem'?: (string);
  'natsCredentials'?: (string);
  'retryAfterSeconds'?: (number);
}

export interface EnrollResponse__Output {
  'state': (_mpo_v1_EnrollmentState__Output);
  'certificatePem': (string);
  'natsCredentials': (string);
  'retryAfterSeconds': (number);
}
