// For programs: run a coordinator with its listeners and its store.

// For the simulation, the bench and tests: its logic over any store, and what the store holds.
export { AdminApi } from "./api/admin-api.ts";
export { deviceIdentityOf, type PeerFacts } from "./api/device-identity.ts";
export { type ApiCall, FleetApi } from "./api/fleet-api.ts";
export { servicesOf } from "./api/services.ts";
export { type Coordinator, type CoordinatorPorts, createCoordinator } from "./coordinator.ts";
export { type ProfileName, storedReports } from "./profiles/profile-service.ts";
export {
  type CoordinatorAddresses,
  type EmbeddedNats,
  type ExternalNats,
  type RunOptions,
  runCoordinator,
} from "./run-coordinator.ts";
export {
  type CoordinatorSettings,
  type Credentials,
  DEFAULT_GRPC_PORT,
  DEFAULT_HTTP_PORT,
  type ListenAddress,
  type ResolvedSettings,
  resolveSettings,
} from "./settings.ts";
export { COORDINATOR_LAYOUT } from "./store/layout.ts";
