import type { Rollout } from "./machine.ts";
import type { DeviceProgress, RolloutState } from "./rollout-state.ts";

/** A rollout's state and devices when it has been planned. `before`: what a device runs now. */
export function newRollout(
  waves: readonly (readonly string[])[],
  before: (device: string) => DeviceProgress["before"],
  nowMs: number,
): Pick<Rollout, "state" | "devices"> {
  const state: RolloutState = {
    phase: "planned",
    sinceMs: nowMs,
    reason: "",
    wave: 0,
    waves: waves.map(() => ({ state: "waiting", sinceMs: nowMs, gates: [] })),
    isHookPassed: false,
  };
  const devices = waves.flatMap((names, wave) => names.map((device) => newDevice(device, wave, before(device), nowMs)));
  return { state, devices };
}

/** A device before its turn. */
export function newDevice(
  device: string,
  wave: number,
  before: DeviceProgress["before"],
  nowMs: number,
): DeviceProgress {
  const start = { device, wave, state: "pending", sinceMs: nowMs, attempts: 0, message: "" } as const;
  return before === undefined ? start : { ...start, before };
}

/** A device that has been given the document of its turn, or the one with which it goes back. */
export function withGiven(device: DeviceProgress, given: NonNullable<DeviceProgress["given"]>): DeviceProgress {
  return { ...device, given };
}
