import { brief } from "./brief.ts";
import { type DeviceProgress, type DeviceState, FAILED_STATES } from "./rollout-state.ts";
import { type RolloutSpec, waveOf } from "./spec.ts";
import { percentOf } from "./written-units.ts";

/** How many devices of a wave stand where. Each is counted once. */
export interface WaveCounts {
  readonly confirmed: number;
  readonly failed: number;
  /** Being changed, or not yet. */
  readonly open: number;
  readonly offline: number;
  readonly superseded: number;
  /** The first of those that failed. */
  readonly example?: DeviceProgress | undefined;
}

export function countWave(devices: readonly DeviceProgress[], wave: number): WaveCounts {
  const counts = { confirmed: 0, failed: 0, open: 0, offline: 0, superseded: 0 };
  const members = devices.filter((device) => device.wave === wave);
  for (const { state } of members) counts[kindOf(state)] += 1;
  return { ...counts, example: members.find(({ state }) => FAILED_STATES.includes(state)) };
}

function kindOf(state: DeviceState): Exclude<keyof WaveCounts, "example"> {
  if (FAILED_STATES.includes(state)) return "failed";
  if (state === "confirmed" || state === "offline" || state === "superseded") return state;
  return "open";
}

/** What the devices of a wave say of it. */
export type WaveJudgement =
  | { readonly kind: "running" | "done" }
  | { readonly kind: "failed"; readonly reason: string }
  /** Nobody is left who could say anything. */
  | { readonly kind: "undecided"; readonly reason: string };

/**
 * Judges a wave by its devices that have finished; those that are away, or were changed by others, count in neither
 * direction. It fails as soon as the success threshold cannot be reached any more, and, on at least the minimum sample, as
 * soon as the share of the confirmed is below it.
 */
export function judgeWave(spec: RolloutSpec, wave: number, counts: WaveCounts): WaveJudgement {
  const { confirmed, failed, open, offline, superseded, example } = counts;
  const success = waveOf(spec, wave).success ?? spec.success;
  const finished = confirmed + failed;
  const bearable = Math.floor((finished + open) * (1 - success) + 1e-9);
  const isBelow = finished >= spec.minimumSample && confirmed / finished < success - 1e-9;
  if (failed > bearable || isBelow) {
    return {
      kind: "failed",
      reason: `${failed} of ${finished} finished devices failed${such(example)}; at least ${percentOf(success)} must be confirmed`,
    };
  }
  if (open > 0) return { kind: "running" };
  if (finished > 0) return { kind: "done" };
  // Who is away comes back, and the wave with them.
  if (offline > 0) return { kind: "running" };
  return { kind: "undecided", reason: `all ${superseded} devices of the wave were changed by somebody else` };
}

function such(example: DeviceProgress | undefined): string {
  if (example === undefined) return "";
  const { device, message } = example;
  return ` (${device}${message === "" ? "" : `: ${brief(message)}`})`;
}
