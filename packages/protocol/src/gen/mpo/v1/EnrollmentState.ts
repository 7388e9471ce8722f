// Original file: mpo/v1/fleet.proto

export const EnrollmentState = {
  ENROLLMENT_STATE_UNSPECIFIED: 'ENROLLMENT_STATE_UNSPECIFIED',
  ENROLLMENT_STATE_ACCEPTED: 'ENROLLMENT_STATE_ACCEPTED',
  ENROLLMENT_STATE_PENDING: 'ENROLLMENT_STATE_PENDING',
} as const;

export type EnrollmentState =
  | 'ENROLLMENT_STATE_UNSPECIFIED'
  | 0
  | 'ENROLLMENT_STATE_ACCEPTED'
  | 1
  | 'ENROLLMENT_STATE_PENDING'
  | 2

export type EnrollmentState__Output = typeof EnrollmentState[keyof typeof EnrollmentState]
