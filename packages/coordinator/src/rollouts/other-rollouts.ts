import { type DeviceProgress, FINAL_PHASES, MpoError, type RolloutSpec } from "@mpo/core";
import type { StoreCallOptions } from "@mpo/transport";
import { readSpec } from "./plan-rollout.ts";
import type { RolloutName, RolloutStore } from "./rollout-store.ts";

/** What the rollouts of a tenant say that are not over. */
export function* openRollouts(rollouts: Pick<RolloutStore, "all">, tenant: string): Iterable<RolloutSpec> {
  for (const { name, value } of rollouts.all())
    if (name.tenant === tenant && !FINAL_PHASES.includes(value.state.phase)) yield readSpec(value.spec);
}

/** A conflict that another try does not end. */
export class LastingConflict extends MpoError {}

/** States in which a rollout is still to do something with a device. */
const OPEN: ReadonlySet<DeviceProgress["state"]> = new Set(["pending", "offline", "in-progress", "rolling-back"]);

/** Throws `conflict` while another rollout is to change some of the devices: two would fight. */
export async function requireNoOther(
  store: RolloutStore,
  { tenant, name }: RolloutName,
  devices: Pick<ReadonlySet<string>, "has">,
  options: StoreCallOptions,
): Promise<void> {
  for (const { name: other, value } of store.all()) {
    const { phase } = value.state;
    const isOther = other.tenant === tenant && other.name !== name;
    if (!isOther || phase === "planned" || FINAL_PHASES.includes(phase)) continue;
    const parts = await store.allProgress({ tenant, plan: value.plan }, value.parts, options);
    const open = parts.flatMap((part) => part.devices).filter((one) => devices.has(one.device) && OPEN.has(one.state));
    const [first] = open;
    if (first === undefined) continue;
    throw new LastingConflict(
      "conflict",
      `rollout ${other.name} is ${phase}, and is to change ${open.length} of the same devices (${first.device}${open.length > 1 ? ", …" : ""})`,
      { hint: `Wait until it is over, or end it first: mpo rollout stop ${other.name}.` },
    );
  }
}
