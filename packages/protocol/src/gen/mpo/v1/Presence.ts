// Original file: mpo/v1/admin.proto

export const Presence = {
  PRESENCE_UNSPECIFIED: 'PRESENCE_UNSPECIFIED',
  PRESENCE_ONLINE: 'PRESENCE_ONLINE',
  PRESENCE_OFFLINE: 'PRESENCE_OFFLINE',
} as const;

export type Presence =
  | 'PRESENCE_UNSPECIFIED'
  | 0
  | 'PRESENCE_ONLINE'
  | 1
  | 'PRESENCE_OFFLINE'
  | 2

export type Presence__Output = typeof Presence[keyof typeof Presence]
