import { type DeviceState, given } from "@mpo/core";
import type { RolloutDevice, RolloutView } from "@mpo/protocol";
import { type AdminSession, pagesOf } from "../fleet/with-admin.ts";

export interface RolloutDeviceFilter {
  readonly state?: DeviceState;
  /** From 0. */
  readonly wave?: number;
}

/** A device of a rollout, and the coordinator's clock when it said so. */
interface SeenDevice {
  readonly device: RolloutDevice;
  readonly nowMs: number;
}

/** Devices of a rollout in the order of their turn, as the pages come in. */
export async function* devicesOf(
  { tenant, name }: Pick<RolloutView, "tenant" | "name">,
  { state, wave }: RolloutDeviceFilter,
  { admin, call }: AdminSession,
): AsyncGenerator<SeenDevice, void, undefined> {
  const request = { tenant, name, ...given({ state, wave }) };
  const pages = pagesOf((page) => admin.listRolloutDevices({ ...request, ...page }, call));
  for await (const { devices, serverTimeMs: nowMs } of pages) for (const device of devices) yield { device, nowMs };
}
