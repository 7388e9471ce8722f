export { servicesOf } from "./api/services.ts";
export type { BackupManifest } from "./backup/backup-form.ts";
export { createBackup } from "./backup/create-backup.ts";
export type { FleetPlace } from "./backup/fleet-store.ts";
export { restoreBackup } from "./backup/restore-backup.ts";
export { verifyBackup } from "./backup/verify-backup.ts";
export { type Coordinator, createCoordinator } from "./coordinator.ts";
export { FleetKeys } from "./identity/fleet-keys.ts";
export { NATS_FILES, prepareNats } from "./prepare-nats.ts";
export { storedReports } from "./profiles/profile-service.ts";
export { runCoordinator } from "./run-coordinator.ts";
export type {
  AdjustCoordinator,
  CoordinatorAddresses,
  EmbeddedNats,
  ExternalNats,
  KeyFiles,
  RunOptions,
} from "./run-options.ts";
export { type CoordinatorSettings, resolveSettings } from "./settings.ts";
export { compareCopies } from "./store/compare-copies.ts";
