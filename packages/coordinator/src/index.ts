export { AdminApi } from "./api/admin-api.ts";
export { deviceIdentityOf, type PeerFacts } from "./api/device-identity.ts";
export { type ApiCall, FleetApi } from "./api/fleet-api.ts";
export { type Coordinator, type CoordinatorPorts, createCoordinator } from "./coordinator.ts";
export {
  type CoordinatorSettings,
  type Credentials,
  DEFAULT_GRPC_PORT,
  DEFAULT_HTTP_PORT,
  isLoopback,
  type ListenAddress,
  type ResolvedSettings,
  resolveSettings,
} from "./settings.ts";
export { COORDINATOR_LAYOUT } from "./store/layout.ts";
