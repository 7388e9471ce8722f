export type { NotifyBus } from "./bus/notify-bus.ts";
export { type AdminClient, createAdminClient } from "./grpc/admin-client.ts";
export type { CallContext, CallerFacts, Identify } from "./grpc/call-context.ts";
export { type CallOptions, REQUEST_ID } from "./grpc/call-options.ts";
export { fetchChain } from "./grpc/fetch-chain.ts";
export { type FoundAuthority, findAuthority } from "./grpc/find-authority.ts";
export { createFleetClient, type FleetClient } from "./grpc/fleet-client.ts";
export {
  adminService,
  fleetService,
  type GrpcServer,
  type ServedService,
  startGrpcServer,
} from "./grpc/grpc-server.ts";
export { proxyFor } from "./grpc/proxy.ts";
export type { HandlersOf } from "./grpc/served-method.ts";
export type { ClientOf } from "./grpc/service-client.ts";
export { steadyTls, type TlsIdentity, type TlsSource } from "./grpc/tls-source.ts";
export { TokenBuckets } from "./grpc/token-bucket.ts";
export { deviceInbox, fleetClaims, roleCredentials } from "./nats/fleet-claims.ts";

export { openExistingStore, openJetstreamStore } from "./nats/jetstream/jetstream-state-store.ts";
export { StoreCopy } from "./nats/jetstream/store-copy.ts";
export { NatsLink } from "./nats/nats-link.ts";
export { NatsNotifyBus } from "./nats/nats-notify-bus.ts";
export type { NatsCredentials, NatsSettings, NatsTls } from "./nats/nats-settings.ts";
export { checkNatsIdentities, type NatsSetup, natsSetup } from "./nats/nats-setup.ts";
export { pushAccount } from "./nats/push-account.ts";
export { checkStore, type StoredStream, setAsideStreams } from "./nats/server/check-store.ts";
export { EmbeddedNatsServer } from "./nats/server/embedded-nats-server.ts";
export { findNatsServer } from "./nats/server/nats-binary.ts";
export { runningServer } from "./nats/server/running-server.ts";
export type { ServerIdentities } from "./nats/server/server-config.ts";
export { COPY_ORDER } from "./store/copy-order.ts";
export type { CopiedRecord } from "./store/copy-store.ts";
export { STORE_NEEDS_BYTES } from "./store/fit-layout.ts";
export { BUCKETS, FLEET_LAYOUT, STREAMS } from "./store/fleet-layout.ts";
export type {
  ReadOptions,
  StateStore,
  StoreCallOptions,
  StoreChange,
  StoreEntry,
  StoreReplicas,
  StoreUse,
  StreamEvent,
} from "./store/state-store.ts";
export { type StoreLayout, streamOf } from "./store/store-layout.ts";
