import { hoursIn, isWithinHours } from "../facts/index.ts";
import { DisruptionRoom } from "./disruption.ts";
import type { DeviceFacts, Rollout, RolloutFacts } from "./machine.ts";
import { roomForAnswers, takeTurn } from "./pace.ts";
import type { DeviceProgress, Pace } from "./rollout-state.ts";
import type { RolloutSpec } from "./spec.ts";

/** Why a device whose turn has come is not changed now. */
export type Hindrance = "offline" | "hours" | "disruption";

/** Whether a device's turn has come: its wave runs, or has passed. */
export function isDue({ state: { wave, waves, phase } }: Rollout, device: DeviceProgress): boolean {
  if (device.state !== "pending" && device.state !== "offline") return false;
  if (phase === "finishing" || device.wave < wave) return true;
  return device.wave === wave && waves[wave]?.state === "running";
}

function isOpen(between: readonly string[], minuteOfDay: number | undefined): boolean {
  return between.some((text) => {
    const range = hoursIn(text);
    return range !== undefined && minuteOfDay !== undefined && isWithinHours([range], minuteOfDay);
  });
}

/** What keeps a device from being changed now, but for the rate. */
export function hindranceOf({ hours }: RolloutSpec, facts: DeviceFacts, room: DisruptionRoom): Hindrance | undefined {
  if (!facts.isOnline) return "offline";
  const { minuteOfDay } = facts;
  if (hours !== undefined && !isOpen(hours.between, minuteOfDay)) return "hours";
  return room.has(facts) ? undefined : "disruption";
}

/** Gives devices their turn, in order, as far as they are there and hours, disruption budget and rate allow. */
export function giveTurns(
  rollout: Rollout,
  facts: RolloutFacts,
): { readonly state: Rollout["state"]; readonly devices: DeviceProgress[] } {
  const { spec, state } = rollout;
  const { nowMs } = facts;
  const room = new DisruptionRoom(spec.disruption, rollout.devices, facts);
  let pace: Pace = state.pace ?? { nextAtMs: nowMs, given: 0 };
  let answers = roomForAnswers(rollout.devices, "in-progress", nowMs);
  let isPaceUp = answers <= 0;
  const devices = rollout.devices.map((device) => {
    if (!isDue(rollout, device)) return device;
    const now = facts.of(device.device);
    const hindrance = hindranceOf(spec, now, room);
    if (hindrance === "offline") {
      return device.state === "offline" ? device : { ...device, state: "offline" as const, sinceMs: nowMs };
    }
    // Back again, and waiting with the others.
    const waiting = device.state === "offline" ? { ...device, state: "pending" as const, sinceMs: nowMs } : device;
    if (hindrance !== undefined || isPaceUp) return waiting;
    const next = takeTurn(spec.rate, pace, nowMs);
    answers -= 1;
    isPaceUp = next === undefined || answers <= 0;
    if (next === undefined) return waiting;
    pace = next;
    room.take(now);
    const { given: _, ...rest } = device;
    return { ...rest, state: "in-progress" as const, sinceMs: nowMs, attempts: device.attempts + 1, message: "" };
  });
  return { state: { ...state, pace }, devices };
}
