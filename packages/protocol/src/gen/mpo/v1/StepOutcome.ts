// Original file: mpo/v1/profile.proto

export const StepOutcome = {
  STEP_OUTCOME_UNSPECIFIED: 'STEP_OUTCOME_UNSPECIFIED',
  STEP_OUTCOME_RAN: 'STEP_OUTCOME_RAN',
  STEP_OUTCOME_OVER_MEMORY: 'STEP_OUTCOME_OVER_MEMORY',
  STEP_OUTCOME_OUT_OF_TIME: 'STEP_OUTCOME_OUT_OF_TIME',
} as const;

export type StepOutcome =
  | 'STEP_OUTCOME_UNSPECIFIED'
  | 0
  | 'STEP_OUTCOME_RAN'
  | 1
  | 'STEP_OUTCOME_OVER_MEMORY'
  | 2
  | 'STEP_OUTCOME_OUT_OF_TIME'
  | 3

export type StepOutcome__Output = typeof StepOutcome[keyof typeof StepOutcome]
