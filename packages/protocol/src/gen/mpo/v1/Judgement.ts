// Original file: mpo/v1/fleet.proto

export const Judgement = {
  JUDGEMENT_UNSPECIFIED: 'JUDGEMENT_UNSPECIFIED',
  JUDGEMENT_LABELS: 'JUDGEMENT_LABELS',
  JUDGEMENT_LABEL_FREE: 'JUDGEMENT_LABEL_FREE',
} as const;

export type Judgement =
  | 'JUDGEMENT_UNSPECIFIED'
  | 0
  | 'JUDGEMENT_LABELS'
  | 1
  | 'JUDGEMENT_LABEL_FREE'
  | 2

export type Judgement__Output = typeof Judgement[keyof typeof Judgement]
