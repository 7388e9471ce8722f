import { withMeasurement } from "./gates.ts";
import type { Rollout, RolloutFacts } from "./machine.ts";
import type { DeviceProgress } from "./rollout-state.ts";
import { type RolloutSpec, waveOf } from "./spec.ts";
import { stepRollout } from "./step.ts";

/** What is expected of one device. */
export interface DeviceEstimate {
  readonly isOnline: boolean;
  readonly group: string;
  /** From its turn until its change is confirmed, milliseconds. */
  readonly takesMs: number;
  /** Its minute of the day at a moment, where hours are asked for. */
  readonly minuteOfDay: (atMs: number) => number | undefined;
}

/** How a rollout is expected to go when nothing goes wrong. */
export interface RolloutForecast {
  /** From the start until the last wave has passed; undefined: it does not within the time looked at. */
  readonly expectedMs: number | undefined;
  /** When each wave has passed, from the start; waves that do not are left out. */
  readonly waveEndsMs: readonly number[];
  readonly peakDevices: number;
}

/** Longer than that is not looked ahead. */
const HORIZON_MS = 30 * 86_400_000;
const STEP_MS = 1_000;
/** After so many steps each is twice as long: a long rollout need not be known to the second. */
const STEPS_PER_QUANTUM = 600;

/**
 * Runs a planned rollout in virtual time, by the machine that runs it for real. Devices take as long as is expected of them
 * and do not fail, gates and hooks say yes, people approve at once; those that are away stay away.
 *
 * @param estimateOf what is expected of a device
 * @param groups devices of the whole tenant, by the label of the disruption budget
 */
export function forecastRollout(
  rollout: Pick<Rollout, "spec" | "state" | "devices">,
  estimateOf: (device: string) => DeviceEstimate,
  groups: ReturnType<RolloutFacts["groups"]>,
  startMs: number,
): RolloutForecast {
  const spec = withoutJudges(rollout.spec, rollout.state.waves.length);
  let state: Rollout["state"] = { ...rollout.state, phase: "running" };
  const devices = new Map(rollout.devices.map((device) => [device.device, device]));
  let all: readonly DeviceProgress[] = rollout.devices;
  const waveEndsMs: number[] = [];
  let peakDevices = 0;
  let quantumMs = STEP_MS;
  let nowMs = startMs;
  for (let steps = 1; nowMs - startMs <= HORIZON_MS; steps++) {
    const at = nowMs;
    const facts: RolloutFacts = {
      nowMs: at,
      groups: () => groups,
      of: (name) => {
        const { isOnline, group, takesMs, minuteOfDay } = estimateOf(name);
        const { state: one, sinceMs } = devices.get(name) as DeviceProgress;
        const isDone = one === "in-progress" && at - sinceMs >= takesMs;
        const now = { isOnline, group, servesWell: true, minuteOfDay: minuteOfDay(at) };
        return isDone ? { ...now, outcome: "window" } : now;
      },
    };
    const step = stepRollout({ spec, state, devices: all }, facts);
    state = step.state;
    for (const device of step.changed) devices.set(device.device, device);
    for (const action of step.actions) {
      if (action.kind === "measure")
        state = withMeasurement(spec, state, action.gate, { atMs: at, value: 1, message: "" });
      if (action.kind !== "give") continue;
      const device = devices.get(action.device) as DeviceProgress;
      devices.set(action.device, { ...device, given: { epoch: 1, version: action.attempt } });
    }
    all = [...devices.values()];
    const passed = state.waves.filter((wave) => wave.state === "passed").length;
    while (waveEndsMs.length < passed) waveEndsMs.push(at - startMs);
    peakDevices = Math.max(peakDevices, all.filter((one) => one.state === "in-progress").length);
    if (state.phase !== "running") break;
    if (steps % STEPS_PER_QUANTUM === 0) quantumMs *= 2;
    const isQuiet = step.changed.length === 0 && step.actions.length === 0;
    nowMs = isQuiet ? nextMs({ spec, state, devices: all }, estimateOf, at, quantumMs) : nowMs + quantumMs;
  }
  const isOver = state.phase === "finishing" || state.phase === "completed";
  return { expectedMs: isOver ? nowMs - startMs : undefined, waveEndsMs, peakDevices };
}

/** When something happens next; no less than a quantum from now, so that a large rollout takes no more than some steps. */
function nextMs(
  { spec, state, devices }: Rollout,
  estimateOf: (device: string) => DeviceEstimate,
  nowMs: number,
  quantumMs: number,
): number {
  const wave = state.waves[state.wave];
  const busy = devices.filter((device) => device.state === "in-progress");
  // Whole milliseconds: added to a date, a fraction may be rounded away.
  const ends = busy.map(({ device, sinceMs }) => sinceMs + Math.ceil(estimateOf(device).takesMs));
  const { dwell } = waveOf(spec, state.wave);
  const measurements = (wave?.gates ?? []).flatMap((gate) => (gate.verdict === undefined ? [gate.nextAtMs] : []));
  const moments = [
    ...measurements,
    ...ends,
    ...(wave?.state === "dwelling" ? [wave.sinceMs + dwell] : []),
    ...(spec.rate === undefined ? [] : [state.pace?.nextAtMs ?? nowMs]),
    ...(busy.length === 0 ? [nowMs + 60_000] : []),
  ].filter((ms) => ms > nowMs);
  return Math.max(nowMs + quantumMs, Math.min(...moments, nowMs + 600_000));
}

const ALWAYS = { operator: ">", value: 0 } as const;

/** The file, with all that somebody or something else decides taken as a yes; gates take their time. */
function withoutJudges(spec: RolloutSpec, waves: number): RolloutSpec {
  const { hooks: _, ...rest } = spec;
  return {
    ...rest,
    gates: spec.gates.map((gate) => ({ ...gate, success: ALWAYS, failure: undefined, minimumSample: 1 })),
    timeouts: { ...spec.timeouts, device: Number.POSITIVE_INFINITY, wave: Number.POSITIVE_INFINITY },
    waves: Array.from({ length: waves }, (_wave, index) => {
      return { ...waveOf(spec, index), approval: "automatic" };
    }),
  };
}
