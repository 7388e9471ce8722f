import { DisruptionRoom } from "./disruption.ts";
import type { Rollout, RolloutFacts } from "./machine.ts";
import { roomForAnswers, takeTurn } from "./pace.ts";
import type { DeviceProgress, DeviceState, Pace } from "./rollout-state.ts";

/** What is said of a device that could not go back: it is not tried again, and runs what it had last. */
export const STUCK = "could not go back: ";

const NOT_OURS: readonly DeviceState[] = ["rolling-back", "rolled-back", "superseded"];

/** A device that this rollout has changed, and that nobody else has changed since. */
export function isTouched({ state, attempts, message }: DeviceProgress): boolean {
  // Also one that waits for another turn: its last document is what the rollout made.
  return attempts > 0 && !NOT_OURS.includes(state) && !message.startsWith(STUCK);
}

/** Gives devices back what they had, in the stated order and rate. Those that are away find it when they are back. */
export function takeBack(
  { spec, state, devices }: Rollout,
  facts: RolloutFacts,
): { readonly state: Rollout["state"]; readonly devices: DeviceProgress[] } {
  const { nowMs } = facts;
  const { order, rate } = spec.onFailure;
  const room = new DisruptionRoom(spec.disruption, devices, facts);
  let pace: Pace = state.pace ?? { nextAtMs: nowMs, given: 0 };
  let answers = roomForAnswers(devices, "rolling-back", nowMs);
  const next = [...devices];
  const turns = [...devices.keys()];
  for (const index of order === "newest-first" ? turns.reverse() : turns) {
    const device = devices[index] as DeviceProgress;
    if (!isTouched(device)) continue;
    // One that is being changed, or that fails, must not wait for others of its group.
    const now = facts.of(device.device);
    if (device.state === "confirmed" && !room.has(now)) continue;
    const taken = answers > 0 ? takeTurn(rate, pace, nowMs) : undefined;
    if (taken === undefined) break;
    answers -= 1;
    pace = taken;
    room.take(now);
    // Also where no document is known: who was to give it may have ended before it could say so.
    const { given: _, ...rest } = device;
    next[index] = { ...rest, state: "rolling-back", sinceMs: nowMs };
  }
  return { state: { ...state, pace }, devices: next };
}

/** Whether all have what they had, or find it when they are back. */
export function isGivenBack({ spec, devices }: Rollout, facts: RolloutFacts): boolean {
  return devices.every((device) => {
    if (isTouched(device)) return false;
    if (device.state !== "rolling-back") return true;
    if (device.given === undefined) return false;
    return !facts.of(device.device).isOnline || facts.nowMs - device.sinceMs >= spec.timeouts.device;
  });
}
