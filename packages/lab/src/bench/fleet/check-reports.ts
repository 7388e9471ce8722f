import { setMaxListeners } from "node:events";
import { linkSignals } from "@mpo/io";
import { FLEET_LAYOUT, type NatsLink, openExistingStore } from "@mpo/transport";
import { compareReports } from "../../promises/compare-reports.ts";
import { type AcknowledgedReport, deviceName, FLEET_MODEL, FLEET_TENANT } from "./fleet-messages.ts";

const AT_ONCE = 64;

/** Compares the agents' acknowledgements with the store. */
export async function checkReports(
  link: NatsLink,
  acknowledged: readonly AcknowledgedReport[],
  agents: number,
  signal: AbortSignal,
): Promise<{ readonly lost: number; readonly duplicated: number }> {
  const told = new Map<number, Set<string>>();
  for (const { device, report } of acknowledged) told.set(device, (told.get(device) ?? new Set()).add(report));
  using linked = linkSignals(signal);
  // Every reader listens.
  setMaxListeners(0, linked.signal);
  const { signal: ending } = linked;
  const store = await openExistingStore(link, FLEET_LAYOUT);
  const devices = Array.from({ length: agents }, (_, device) => device).values();
  let [lost, duplicated] = [0, 0];
  const reader = async (): Promise<void> => {
    for (const device of devices) {
      const identity = { tenant: FLEET_TENANT, device: deviceName(device) };
      const name = { identity, model: FLEET_MODEL };
      const check = await compareReports(store, name, told.get(device) ?? [], { signal: ending });
      lost += check.lost.length;
      duplicated += check.duplicated;
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, reader));
  return { lost, duplicated };
}
