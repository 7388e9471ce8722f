export { servicesOf } from "./api/services.ts";
export { type Coordinator, createCoordinator } from "./coordinator.ts";
export { FleetKeys } from "./identity/fleet-keys.ts";
export { NATS_FILES, prepareNats } from "./prepare-nats.ts";
export { storedReports } from "./profiles/profile-service.ts";
export { runCoordinator } from "./run-coordinator.ts";
export type { AdjustCoordinator, CoordinatorAddresses, EmbeddedNats, ExternalNats, KeyFiles } from "./run-options.ts";
export { type CoordinatorSettings, resolveSettings } from "./settings.ts";
