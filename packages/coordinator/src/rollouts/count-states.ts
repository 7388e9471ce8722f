import { DEVICE_STATES, type DeviceProgress, type DeviceState } from "@mpo/core";
import type { StateCount } from "@mpo/protocol";

/** How many devices of each wave are in which state. */
export function countStates(waves: number, devices: readonly DeviceProgress[]): StateCount[][] {
  const counts = Array.from({ length: waves }, () => new Map<DeviceState, number>());
  for (const { wave, state } of devices) counts[wave]?.set(state, (counts[wave]?.get(state) ?? 0) + 1);
  return counts.map(listed);
}

/** The same of all waves together. */
export function sumOfCounts(counts: readonly (readonly StateCount[])[]): readonly StateCount[] {
  const sum = new Map<DeviceState, number>();
  for (const { state, devices } of counts.flat()) sum.set(state, (sum.get(state) ?? 0) + devices);
  return listed(sum);
}

function listed(counts: ReadonlyMap<DeviceState, number>): StateCount[] {
  return DEVICE_STATES.flatMap((state) => {
    const devices = counts.get(state) ?? 0;
    return devices === 0 ? [] : [{ state, devices }];
  });
}
