import type { Agent } from "@mpo/agent";
import { counted } from "@mpo/core";
import { type Clock, systemClock } from "@mpo/io";
import type { Logger, ServiceManager } from "@mpo/runtime";
import type { WayIn } from "../access/find-joining.ts";
import type { Stop } from "../command-context.ts";

/** What an agent is at, in a line, as `systemctl status` shows it. */
export function agentStatus(snapshot: ReturnType<Agent["snapshot"]>): string {
  const { isOnline, doing, applied, rung, waitingReports } = snapshot;
  const configuration =
    applied === undefined ? "no configuration yet" : `configuration ${applied.epoch}.${applied.version}`;
  const fits = applied !== undefined && rung === undefined ? ", of which nothing fits now" : "";
  return [
    isOnline ? "in touch with its coordinator" : "no coordinator answers; it works on",
    `${configuration}${fits}`,
    doing === undefined ? "watches the inputs" : DOING[doing],
    ...(waitingReports === 0 ? [] : [`${counted(waitingReports, "report")} to send`]),
  ].join("; ");
}

const DOING = { probe: "measures", check: "checks a configuration", window: "retrains" } as const satisfies Record<
  NonNullable<ReturnType<Agent["snapshot"]>["doing"]>,
  string
>;

/** How often a device that has joined no fleet looks whether it may now. */
const LOOK_MS = 5_000;

interface Waiting extends Stop {
  readonly manager: ServiceManager;
  readonly logger: Logger;
  readonly clock?: Clock;
}

/**
 * Waits until there is a way into a fleet: a service that was installed and has joined none is in order, and is not started
 * again and again.
 */
export async function waitForWayIn(
  find: () => Promise<WayIn | undefined>,
  { manager, logger, signal, clock = systemClock }: Waiting,
): Promise<WayIn> {
  for (let isSaid = false; ; isSaid = true) {
    const way = await find();
    if (way !== undefined) return way;
    if (!isSaid) {
      logger.warn("this device has joined no fleet yet", { hint: HOW });
      manager.ready(`has joined no fleet yet: ${HOW}`);
    }
    manager.turned(LOOK_MS);
    manager.ping();
    await clock.sleep(LOOK_MS, { signal });
  }
}

const HOW = "sudo mpo agent join @FILE, with the line that `mpo token create` printed";
