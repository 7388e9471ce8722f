// Original file: mpo/v1/config.proto

export const Objective = {
  OBJECTIVE_UNSPECIFIED: 'OBJECTIVE_UNSPECIFIED',
  OBJECTIVE_ACCURACY: 'OBJECTIVE_ACCURACY',
  OBJECTIVE_MEMORY: 'OBJECTIVE_MEMORY',
  OBJECTIVE_TIME: 'OBJECTIVE_TIME',
} as const;

export type Objective =
  | 'OBJECTIVE_UNSPECIFIED'
  | 0
  | 'OBJECTIVE_ACCURACY'
  | 1
  | 'OBJECTIVE_MEMORY'
  | 2
  | 'OBJECTIVE_TIME'
  | 3

export type Objective__Output = typeof Objective[keyof typeof Objective]
