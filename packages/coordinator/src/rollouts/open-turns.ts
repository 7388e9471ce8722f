import { type DeviceProgress, FINAL_PHASES, type RolloutPhase, type RolloutState } from "@mpo/core";
import type { NewestDocument } from "../documents/document-service.ts";
import { requestOfTurn } from "../documents/requests.ts";
import type { RolloutRecord } from "./rollout-record.ts";

/** In these nobody gets a turn: who has one, and was given nothing in it yet, loses it. */
const NO_TURNS: readonly RolloutPhase[] = ["paused", "halted", "conflicted", "stopped", "completed"];
const IN_FLIGHT: readonly DeviceProgress["state"][] = ["in-progress", "rolling-back"];
/** A device that is away for longer is not waited for when its rollout is over. */
const FOLLOWED_MS = 7 * 86_400_000;

/** Whose rollout it is. */
interface OpenRollout {
  readonly name: string;
  readonly plan: string;
  readonly phase: RolloutState["phase"];
  readonly nowMs: number;
}

/**
 * Settles turns of which no document is known. Who led before may have given it, and ended before it could say so: then it
 * is known now. One that was not begun when the rollout was paused, halted or stopped is lost, and comes again with the
 * rollout. The result is the devices that have changed.
 */
export function settleOpenTurns(
  devices: readonly DeviceProgress[],
  newest: (device: string) => NewestDocument | undefined,
  { name, plan, phase, nowMs }: OpenRollout,
): readonly DeviceProgress[] {
  return devices.flatMap((progress): readonly DeviceProgress[] => {
    const { device, state, given, attempts } = progress;
    if (state !== "in-progress" || given !== undefined) return [];
    const { version, request } = newest(device) ?? {};
    if (version !== undefined && request === requestOfTurn({ name, plan }, "give", attempts))
      return [{ ...progress, given: version }];
    return NO_TURNS.includes(phase) ? [{ ...progress, state: "pending", sinceMs: nowMs, attempts: attempts - 1 }] : [];
  });
}

/** Whether there is something to do for a rollout, or something may still become of what it has done. */
export function isUnderWay({ state, counts, endedAtMs = 0 }: RolloutRecord, nowMs: number): boolean {
  if (state.phase === "planned") return false;
  if (!FINAL_PHASES.includes(state.phase)) return true;
  return nowMs - endedAtMs < FOLLOWED_MS && counts.flat().some((one) => IN_FLIGHT.includes(one.state));
}
