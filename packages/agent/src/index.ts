// For programs: an agent of this machine, and what the serving program does on its side.

export { ConfigStore, type Offer } from "./config/config-store.ts";
export {
  checkDocument,
  type DocumentContext,
  type DocumentVerdict,
  REFUSAL_REASONS,
  type RefusalReason,
  type VerifyEnvelope,
} from "./config/document-check.ts";
export type { VersionFloor } from "./config/stored-config.ts";
export { TrustedTime } from "./config/trusted-time.ts";
// For the simulation and the bench: the core, and ports without a machine behind them.
export { type Agent, type AgentSnapshot, createAgent } from "./core/agent.ts";
export type { AgentPorts } from "./core/agent-ports.ts";
export { type AgentSettings, DEFAULT_AGENT_SETTINGS } from "./core/agent-settings.ts";
export { type AgentDaemonOptions, runAgentDaemon } from "./daemon/agent-daemon.ts";
export { connectFleet, type FleetConnection, type FleetConnectionOptions } from "./daemon/connect-fleet.ts";
export {
  DEFAULT_DRIFT_LIMITS,
  DRIFT_START,
  type DriftLimits,
  type DriftSign,
  type DriftState,
  type DriftVerdict,
  watchInputs,
} from "./drift/drift-detector.ts";
export { type InputSummary, summarise } from "./drift/input-summary.ts";
export { type JobEngineOptions, jobEngine } from "./job/job-engine.ts";
export { CPU_SHARES, type CpuShare } from "./job/step-back.ts";
export {
  BLOCK_REASONS,
  type BlockReason,
  type BudgetPolicy,
  DEFAULT_BUDGET_POLICY,
  type WorkBudget,
  workBudget,
} from "./policy/budget-policy.ts";
export type {
  AgentEngine,
  ProbeJob,
  ProbeResult,
  RetrainJob,
  RetrainOutcome,
  WorkOptions,
} from "./ports/agent-engine.ts";
export type { DeviceMonitor } from "./ports/device-monitor.ts";
export type { Disk, DiskJournal } from "./ports/disk.ts";
export type { ConnectFeed, DesiredFeed, FleetLink, LinkOptions } from "./ports/fleet-link.ts";
export { openFolderDisk } from "./ports/folder-disk.ts";
export type { ModelFolders, RecentInputs, ServingApp } from "./ports/serving-app.ts";
export { sideFile } from "./serving/input-batch.ts";
export { REFERENCE_FILE } from "./serving/reference-file.ts";
export { findServable, type RetrainedManifest, readRetrainedManifest } from "./serving/retrained-manifest.ts";
export { SERVING_FOLDERS, type ServingFolderOptions, servingFolder } from "./serving/serving-folder.ts";
export { type SystemMonitorOptions, systemMonitor } from "./system/system-monitor.ts";
export { AGENT_VERSION, engineVersion } from "./system/versions.ts";
