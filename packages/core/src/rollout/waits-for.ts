import { DisruptionRoom } from "./disruption.ts";
import { type Hindrance, hindranceOf, isDue } from "./give-turns.ts";
import type { Rollout, RolloutFacts } from "./machine.ts";
import type { DeviceProgress, WaveState } from "./rollout-state.ts";
import { waveOf } from "./spec.ts";

/** Devices that are named. */
const NAMED = 3;

/** Why a rollout does not move: on whom it waits, since when, and what would free it; undefined: it moves, or is over. */
export function waitsFor(rollout: Rollout, facts: RolloutFacts): string | undefined {
  const { state, devices } = rollout;
  switch (state.phase) {
    case "planned":
      return "it waits to be started";
    case "paused":
      return `it was paused ${state.reason}; resume it`;
    case "halted":
      return state.halt === "failed"
        ? `${state.reason}; retry what failed, go on with next, or roll back`
        : `${state.reason}; look at it, then resume to judge it again, go on with next, or roll back`;
    case "conflicted":
      return `${state.reason}; roll back, or resume to go on`;
    case "running":
      return runningWords(rollout, facts);
    case "finishing":
      return words(
        devices.filter(({ state: one }) => one === "offline" || one === "pending"),
        facts,
        "away; each gets its turn when it is back",
      );
    case "rolling-back":
      return words(
        devices.filter(({ state: one, given }) => one === "rolling-back" && given !== undefined),
        facts,
        "being given back what they had",
      );
    case "completed":
    case "stopped":
    case "rolled-back":
      return undefined;
  }
}

function runningWords(rollout: Rollout, facts: RolloutFacts): string | undefined {
  const { spec, state, devices } = rollout;
  const wave = state.waves[state.wave] as WaveState;
  const name = `wave ${state.wave + 1}`;
  const { nowMs } = facts;
  if (state.hook !== undefined) {
    const { name: hook, sinceMs, message } = state.hook;
    return `the hook ${hook} has not said yes for ${ago(nowMs - sinceMs)}${message === "" ? "" : ` (${message})`}`;
  }
  if (wave.state === "approval") return `${name} waits for an approval since ${ago(nowMs - wave.sinceMs)}: approve it`;
  if (wave.state === "dwelling") {
    const leftMs = waveOf(spec, state.wave).dwell - (nowMs - wave.sinceMs);
    const gates = wave.gates.filter(({ verdict }) => verdict === undefined).map((gate) => gate.name);
    if (leftMs > 0) return `${name} is watched for another ${ago(leftMs)}; next ends that now`;
    return gates.length === 0 ? undefined : `${name} waits for its gates ${gates.join(", ")}; next ends that now`;
  }
  if (wave.state !== "running") return undefined;
  const busy = devices.filter((one) => one.wave <= state.wave && one.state === "in-progress");
  if (busy.length > 0) {
    const end = ago(spec.timeouts.device);
    const held = busy.find(({ device }) => (facts.of(device).message ?? "") !== "");
    const why = held === undefined ? "" : `; ${held.device}: ${facts.of(held.device).message}`;
    return `${words(busy, facts, `in progress; each is given up ${end} after its change`)}${why}`;
  }
  const due = devices.filter((device) => isDue(rollout, device));
  const room = new DisruptionRoom(spec.disruption, devices, facts);
  for (const [hindrance, text] of Object.entries(HINDRANCES) as [Hindrance, string][]) {
    const held = due.filter(({ device }) => hindranceOf(spec, facts.of(device), room) === hindrance);
    if (held.length > 0) return `${name}: ${words(held, facts, text)}`;
  }
  return undefined;
}

const HINDRANCES: Readonly<Record<Hindrance, string>> = {
  disruption: "kept back by the disruption budget, until others of their group serve well",
  hours: "outside of the hours in which they may be changed",
  offline: "away; each gets its turn when it is back",
};

function words(devices: readonly DeviceProgress[], { nowMs }: RolloutFacts, what: string): string | undefined {
  const [first] = devices;
  if (first === undefined) return undefined;
  const names = devices.slice(0, NAMED).map(({ device }) => device);
  const more = devices.length > NAMED ? ` and ${devices.length - NAMED} more` : "";
  const sinceMs = Math.min(...devices.map((one) => one.sinceMs));
  const count = devices.length === 1 ? "1 device is" : `${devices.length} devices are`;
  return `${count} ${what} (${names.join(", ")}${more}; since ${ago(nowMs - sinceMs)})`;
}

/** "5 min". */
function ago(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 120) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 120) return `${minutes} min`;
  const hours = Math.round(minutes / 60);
  return hours < 48 ? `${hours} h` : `${Math.round(hours / 24)} days`;
}
