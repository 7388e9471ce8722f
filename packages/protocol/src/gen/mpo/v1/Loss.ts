// Original file: mpo/v1/profile.proto

export const Loss = {
  LOSS_UNSPECIFIED: 'LOSS_UNSPECIFIED',
  LOSS_TENT: 'LOSS_TENT',
  LOSS_SHOT: 'LOSS_SHOT',
  LOSS_CROSS_ENTROPY: 'LOSS_CROSS_ENTROPY',
} as const;

export type Loss =
  | 'LOSS_UNSPECIFIED'
  | 0
  | 'LOSS_TENT'
  | 1
  | 'LOSS_SHOT'
  | 2
  | 'LOSS_CROSS_ENTROPY'
  | 3

export type Loss__Output = typeof Loss[keyof typeof Loss]
