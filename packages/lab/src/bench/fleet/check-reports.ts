import { setMaxListeners } from "node:events";
import { storedReports } from "@mpo/coordinator";
import { linkSignals } from "@mpo/io";
import { FLEET_LAYOUT, NatsLink, openExistingStore } from "@mpo/transport";
import { type AcknowledgedReport, deviceName, FLEET_MODEL, FLEET_TENANT } from "./fleet-messages.ts";

/** What became of acknowledged reports. */
export interface ReportCheck {
  /** Acknowledged, but not in the store. */
  readonly lost: number;
  /** Stored more than once. */
  readonly duplicated: number;
}

const AT_ONCE = 64;

/** Holds what agents were told against what the store has, over a connection of its own. */
export async function checkReports(
  natsUrl: string,
  acknowledged: readonly AcknowledgedReport[],
  agents: number,
  signal: AbortSignal,
): Promise<ReportCheck> {
  const told = new Map<number, Set<string>>();
  for (const { device, report } of acknowledged) told.set(device, (told.get(device) ?? new Set()).add(report));
  using linked = linkSignals(signal);
  // Every reader listens.
  setMaxListeners(0, linked.signal);
  const { signal: ending } = linked;
  const link = await NatsLink.open({ servers: [natsUrl], name: "bench" }, { signal: ending });
  try {
    const store = await openExistingStore(link, FLEET_LAYOUT);
    const devices = Array.from({ length: agents }, (_, device) => device).values();
    let [lost, duplicated] = [0, 0];
    const reader = async (): Promise<void> => {
      for (const device of devices) {
        const identity = { tenant: FLEET_TENANT, device: deviceName(device) };
        const { reports, storedCount } = await storedReports(
          store,
          { identity, model: FLEET_MODEL },
          { signal: ending },
        );
        const names = new Set(reports);
        lost += [...(told.get(device) ?? [])].filter((report) => !names.has(report)).length;
        duplicated += storedCount - names.size;
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, reader));
    return { lost, duplicated };
  } finally {
    await link.close();
  }
}
