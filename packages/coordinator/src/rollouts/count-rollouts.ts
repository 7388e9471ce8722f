import { type DeviceState, FINAL_PHASES, type RolloutPhase } from "@mpo/core";
import { sumOfCounts } from "./count-states.ts";
import type { RolloutRecord } from "./rollout-record.ts";

/** Rollouts, and the devices of those that are under way. */
export interface RolloutCounts {
  readonly phases: ReadonlyMap<RolloutPhase, number>;
  readonly devices: ReadonlyMap<DeviceState, number>;
  /** How long the one under way that has not moved for longest stands still, milliseconds; 0: none is. */
  readonly stillMs: number;
}

/** Takes time by the number of rollouts, not of their devices. */
export function countRollouts(all: Iterable<{ readonly value: RolloutRecord }>, nowMs: number): RolloutCounts {
  const phases = new Map<RolloutPhase, number>();
  const devices = new Map<DeviceState, number>();
  let stillMs = 0;
  for (const { value } of all) {
    const { phase } = value.state;
    phases.set(phase, (phases.get(phase) ?? 0) + 1);
    if (phase === "planned" || FINAL_PHASES.includes(phase)) continue;
    for (const one of sumOfCounts(value.counts)) devices.set(one.state, (devices.get(one.state) ?? 0) + one.devices);
    // One that has only devices left that are away, or that a person has paused, is not stuck.
    if (phase === "running" || phase === "rolling-back") stillMs = Math.max(stillMs, nowMs - value.movedAtMs);
  }
  return { phases, devices, stillMs };
}
