// Original file: mpo/v1/admin.proto

import type { ProfileSummary as _mpo_v1_ProfileSummary, ProfileSummary__Output as _mpo_v1_ProfileSummary__Output } from '../../mpo/v1/ProfileSummary.ts';

export interface ListProfilesResponse {
  'profiles'?: (_mpo_v1_ProfileSummary)[];
  'nextPageToken'?: (string);
}

export interface ListProfilesResponse__Output {
  'profiles': (_mpo_v1_ProfileSummary__Output)[];
  'nextPageToken': (string);
}
