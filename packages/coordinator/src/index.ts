export { servicesOf } from "./api/services.ts";
export { type Coordinator, createCoordinator } from "./coordinator.ts";
export { storedReports } from "./profiles/profile-service.ts";
export { type CoordinatorAddresses, type EmbeddedNats, type ExternalNats, runCoordinator } from "./run-coordinator.ts";
export { type CoordinatorSettings, resolveSettings } from "./settings.ts";
