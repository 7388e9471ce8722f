import { type DeviceProgress, FINAL_PHASES, isTouched, MpoError, type RolloutPhase, type RolloutSpec } from "@mpo/core";
import type { StoreCallOptions } from "@mpo/transport";
import type { DeviceRecord } from "../registry/device-record.ts";
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

/** Some devices of another rollout. */
interface Held {
  readonly name: string;
  readonly phase: RolloutPhase;
  readonly devices: readonly string[];
}

interface HeldWish {
  readonly name: RolloutName;
  /** The devices that are asked about. */
  readonly among: Pick<ReadonlySet<string>, "has">;
  /** What rollouts that were started later have changed is theirs. Absent: only what is still to be changed is. */
  readonly startedAtMs?: number;
}

/** Devices that are another rollout's: it is to change them, or it was started later, and has. */
async function* heldByOthers(
  store: RolloutStore,
  { name: { tenant, name }, among, startedAtMs = Number.POSITIVE_INFINITY }: HeldWish,
  options: StoreCallOptions,
): AsyncGenerator<Held, void, undefined> {
  for (const { name: other, value } of store.all()) {
    const { phase } = value.state;
    if (other.tenant !== tenant || other.name === name || phase === "planned") continue;
    const isLater = (value.startedAtMs ?? 0) > startedAtMs;
    const isOver = FINAL_PHASES.includes(phase);
    if (!isLater && isOver) continue;
    const parts = await store.allProgress({ tenant, plan: value.plan }, value.parts, options);
    const isHeld = (one: DeviceProgress): boolean => (!isOver && OPEN.has(one.state)) || (isLater && isTouched(one));
    const held = parts.flatMap((part) => part.devices).filter((one) => among.has(one.device) && isHeld(one));
    if (held.length > 0) yield { name: other.name, phase, devices: held.map(({ device }) => device) };
  }
}

/** Throws `conflict` while another rollout is to change some of the devices: two would fight. */
export async function requireNoOther(
  store: RolloutStore,
  name: RolloutName,
  devices: Pick<ReadonlySet<string>, "has">,
  options: StoreCallOptions,
): Promise<void> {
  for await (const { name: other, phase, devices: held } of heldByOthers(store, { name, among: devices }, options)) {
    const who = `${held[0]}${held.length > 1 ? ", …" : ""}`;
    throw new LastingConflict(
      "conflict",
      `rollout ${other} is ${phase}, and is to change ${held.length} of the same devices (${who})`,
      { hint: `Wait until it is over, or end it first: mpo rollout stop ${other}.` },
    );
  }
}

/**
 * The devices, of some that came later, that are no other rollout's: of all that are under way and select a device, the one
 * that was started last gets it. `selectedBy` says whom a rollout selects.
 */
export async function freeDevices(
  store: RolloutStore,
  { name, among, startedAtMs }: HeldWish & { readonly among: ReadonlySet<string>; readonly startedAtMs: number },
  selectedBy: (spec: RolloutSpec) => readonly DeviceRecord[],
  options: StoreCallOptions,
): Promise<ReadonlySet<string>> {
  const free = new Set(among);
  for (const { name: other, value } of store.all()) {
    const isLater = other.tenant === name.tenant && (value.startedAtMs ?? 0) > startedAtMs;
    const spec = isLater && !FINAL_PHASES.includes(value.state.phase) ? readSpec(value.spec) : undefined;
    if (spec === undefined || spec.lateJoiners === "ignore") continue;
    for (const { identity } of selectedBy(spec)) free.delete(identity.device);
  }
  for await (const held of heldByOthers(store, { name, among: free, startedAtMs }, options))
    for (const device of held.devices) free.delete(device);
  return free;
}
