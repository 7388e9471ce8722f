// Original file: mpo/v1/profile.proto

export const AccuracyJudge = {
  ACCURACY_JUDGE_UNSPECIFIED: 'ACCURACY_JUDGE_UNSPECIFIED',
  ACCURACY_JUDGE_LABELS: 'ACCURACY_JUDGE_LABELS',
  ACCURACY_JUDGE_LABEL_FREE: 'ACCURACY_JUDGE_LABEL_FREE',
} as const;

export type AccuracyJudge =
  | 'ACCURACY_JUDGE_UNSPECIFIED'
  | 0
  | 'ACCURACY_JUDGE_LABELS'
  | 1
  | 'ACCURACY_JUDGE_LABEL_FREE'
  | 2

export type AccuracyJudge__Output = typeof AccuracyJudge[keyof typeof AccuracyJudge]
