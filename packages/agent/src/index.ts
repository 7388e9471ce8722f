// For programs: an agent of this machine, and what the serving program does on its side.

export { TrustedTime } from "./config/trusted-time.ts";
// For the simulation and the bench: the core, and ports without a real machine.
export { type Agent, createAgent } from "./core/agent.ts";
export type { AgentPorts } from "./core/agent-ports.ts";
export { type AgentSettings, DEFAULT_AGENT_SETTINGS } from "./core/agent-settings.ts";
export { runAgentDaemon } from "./daemon/agent-daemon.ts";
export { connectFleet } from "./daemon/connect-fleet.ts";
export { joinDevice } from "./daemon/join-device.ts";
export { type InputSummary, joinedLook, summarise } from "./drift/input-summary.ts";
export { openKeyFile } from "./identity/device-key.ts";
export { fleetDoor } from "./identity/fleet-door.ts";
export { type FleetMember, joinFleet } from "./identity/fleet-member.ts";
export { identityFiles } from "./identity/identity-files.ts";
export type { Joining } from "./identity/joining.ts";
export { type LinkedMember, memberLink } from "./identity/member-link.ts";
export { envelopeVerifier } from "./identity/verify-envelope.ts";
export { jobEngine } from "./job/job-engine.ts";
export type { CpuShare } from "./job/step-back.ts";
export { DEFAULT_BUDGET_POLICY, workBudget } from "./policy/budget-policy.ts";
export { parseLimits } from "./policy/owner-limits.ts";
export type { AgentEngine, CheckJob, CheckResult, RetrainJob } from "./ports/agent-engine.ts";
export type { DeviceMonitor } from "./ports/device-monitor.ts";
export type { FleetLink } from "./ports/fleet-link.ts";
export { limitsFile } from "./ports/limits-file.ts";
export type { ServingApp } from "./ports/serving-app.ts";
export { sideFile } from "./serving/input-batch.ts";
export { findServable } from "./serving/retrained-manifest.ts";
export { servingFolder } from "./serving/serving-folder.ts";
export { SERVING_FOLDERS } from "./serving/serving-folders.ts";
export type { JobGroup } from "./system/job-groups.ts";
export { systemMonitor } from "./system/system-monitor.ts";
export { AGENT_RELEASED_MS, AGENT_VERSION, engineVersion } from "./system/versions.ts";
