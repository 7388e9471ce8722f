import type { CommandContext } from "@mpo/cli";
import type { AdminClient } from "@mpo/transport";
import type { FleetEvents } from "./fleet-events.ts";
import type { FleetDemoOptions, FleetRoom } from "./fleet-room.ts";

export const TENANT = "default";
/** How long anything may take beyond the time that it was given: a probe that failed is tried again after a minute. */
export const PATIENCE_MS = 150_000;

/** What the steps of the demo share. */
export interface Demo {
  readonly options: FleetDemoOptions;
  readonly context: CommandContext;
  readonly room: FleetRoom;
  readonly admin: AdminClient;
  readonly events: FleetEvents;
  readonly note: (text: string) => void;
}
