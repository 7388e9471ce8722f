// Original file: mpo/v1/admin.proto

import type { Event as _mpo_v1_Event, Event__Output as _mpo_v1_Event__Output } from '../../mpo/v1/Event.ts';

export interface WatchEventsResponse {
  'event'?: (_mpo_v1_Event | null);
}

export interface WatchEventsResponse__Output {
  'event': (_mpo_v1_Event__Output | null);
}
