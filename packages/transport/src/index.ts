export type { Notification, NotifyBus, SubscribeOptions } from "./bus/notify-bus.ts";
export { type AdminClient, createAdminClient } from "./grpc/admin-client.ts";
export { believeClaim, type CallContext, type CallerFacts, type IdentifyDevice } from "./grpc/call-context.ts";
export type { CallOptions } from "./grpc/call-options.ts";
export { type ArtifactSink, createFleetClient, type DownloadOptions, type FleetClient } from "./grpc/fleet-client.ts";
export type { GrpcSecurity } from "./grpc/grpc-channel.ts";
export {
  adminService,
  fleetService,
  type GrpcServer,
  type GrpcServerOptions,
  type ServedService,
  startGrpcServer,
} from "./grpc/grpc-server.ts";
export { isLoopback } from "./grpc/loopback.ts";
export { type ProxyInUse, proxyFor } from "./grpc/proxy.ts";
export type { HandlersOf } from "./grpc/served-method.ts";
export type { ClientOf, ServiceClientOptions } from "./grpc/service-client.ts";
export type { Quota } from "./grpc/token-bucket.ts";
export { EmbeddedNatsServer, type EmbeddedServerOptions } from "./nats/embedded-nats-server.ts";
export { type JetstreamStoreOptions, openExistingStore, openJetstreamStore } from "./nats/jetstream-state-store.ts";
export type { ServerAddress } from "./nats/launch-server.ts";
export { findNatsServer, type NatsBinary, type NatsBinaryPlaces } from "./nats/nats-binary.ts";
export { NatsLink, type NatsLinkOptions } from "./nats/nats-link.ts";
export { NatsNotifyBus } from "./nats/nats-notify-bus.ts";
export type { NatsCredentials, NatsSettings, NatsTls } from "./nats/nats-settings.ts";
export { checkSync, readServerFacts, type ServerFacts } from "./nats/server-checks.ts";
export { FLEET_LAYOUT, STREAMS } from "./store/fleet-layout.ts";
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
export type { BucketSettings, StoreLayout, StreamSettings } from "./store/store-layout.ts";
export { subjectMatches } from "./subject-match.ts";
