export { type BusFaults, MemoryNotifyHub, type MemoryNotifyOptions } from "./bus/memory-notify-bus.ts";
export type { Notification, NotifyBus, SubscribeOptions } from "./bus/notify-bus.ts";
export { FLEET_LAYOUT, STREAMS } from "./store/fleet-layout.ts";
export { MemoryStateServer, type MemoryStateServerOptions } from "./store/memory-state-server.ts";
export type {
  Appended,
  AppendOptions,
  DeleteOptions,
  FollowOptions,
  ReadEventsOptions,
  ReadOptions,
  StateStore,
  StoreCallOptions,
  StoreChange,
  StoreEntry,
  StreamEvent,
  WatchOptions,
} from "./store/state-store.ts";
export type { StoreFaults } from "./store/store-faults.ts";
export type { BucketSettings, StoreLayout, StreamSettings } from "./store/store-layout.ts";
export { subjectMatches } from "./subject-match.ts";
