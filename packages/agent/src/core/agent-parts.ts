import type { Inventory } from "@mpo/protocol";
import type { ConfigStore } from "../config/config-store.ts";
import type { TrustedTime } from "../config/trusted-time.ts";
import type { ReportedProfiles } from "../link/reported-profiles.ts";
import type { LimitsWatch } from "../policy/limits-watch.ts";
import type { Outbox } from "../report/outbox.ts";
import type { WorkMemory } from "../work/work-memory.ts";
import type { AgentPorts } from "./agent-ports.ts";
import type { AgentSettings } from "./agent-settings.ts";

/** What the loops of an agent share; each takes what it needs of it. */
export interface AgentParts {
  readonly settings: AgentSettings;
  readonly ports: AgentPorts;
  readonly inventory: Inventory;
  readonly store: ConfigStore;
  readonly outbox: Outbox;
  readonly time: TrustedTime;
  readonly memory: WorkMemory;
  readonly reported: ReportedProfiles;
  readonly limits: LimitsWatch;
}
