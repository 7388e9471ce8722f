import { brief } from "./brief.ts";
import { dueGates, failedBy, gatesVerdict, newGates } from "./gates.ts";
import { giveTurns } from "./give-turns.ts";
import { hookAddress } from "./hook-address.ts";
import { countWave, judgeWave } from "./judge-wave.ts";
import type { Rollout, RolloutAction, RolloutFacts, RolloutStep } from "./machine.ts";
import { isWatched, observeDevice } from "./observe-device.ts";
import { isGivenBack, takeBack } from "./roll-back.ts";
import type { GateState, Hook, RolloutPhase, RolloutState, WaveState } from "./rollout-state.ts";
import { type RolloutSpec, waveOf } from "./spec.ts";

/** In these a rollout gives devices their turn. */
const GIVING: readonly RolloutPhase[] = ["running", "finishing"];

/**
 * One step of a rollout: looks at what became of its devices, moves its waves on, and says what is to be done. Pure: the
 * same rollout and facts give the same step, so that a coordinator may take it over from another at any moment. What it
 * has decided must be stored before its actions are done.
 */
export function stepRollout(rollout: Rollout, facts: RolloutFacts): RolloutStep {
  const { spec } = rollout;
  const { nowMs } = facts;
  const actions: RolloutAction[] = [];
  const log = (event: string, message: string): void => void actions.push({ kind: "log", event, message });
  let devices = rollout.devices.map((device) =>
    isWatched(device) ? observeDevice(spec, device, facts.of(device.device), nowMs) : device,
  );
  let { state } = rollout;
  if (state.phase === "running") state = moveWaves({ spec, state, devices }, nowMs, { actions, log });
  if (GIVING.includes(state.phase)) ({ state, devices } = giveTurns({ spec, state, devices }, facts));
  if (state.phase === "finishing") state = finish({ spec, state, devices }, nowMs, log);
  if (state.phase === "rolling-back") {
    ({ state, devices } = takeBack({ spec, state, devices }, facts));
    if (isGivenBack({ spec, state, devices }, facts)) {
      state = inPhase(state, "rolled-back", state.reason, nowMs);
      log("rollout-rolled-back", state.reason);
    }
  }
  for (const device of devices) {
    if (device.given !== undefined) continue;
    const { device: name, attempts: attempt } = device;
    if (device.state === "in-progress" && GIVING.includes(state.phase))
      actions.push({ kind: "give", device: name, attempt });
    if (device.state === "rolling-back") actions.push({ kind: "take-back", device: name, attempt });
  }
  // Each stays in its place.
  return { state, changed: devices.filter((device, place) => rollout.devices[place] !== device), actions };
}

/** The state in another phase. */
export function inPhase(state: RolloutState, phase: RolloutPhase, reason: string, nowMs: number): RolloutState {
  const { halt: _, ...rest } = state;
  return { ...rest, phase, sinceMs: nowMs, reason };
}

/** The state with its wave as given. */
export function withWave(state: RolloutState, wave: Partial<WaveState>, nowMs: number): RolloutState {
  const waves = state.waves.map((one, index) =>
    index === state.wave ? { ...one, sinceMs: wave.state === undefined ? one.sinceMs : nowMs, ...wave } : one,
  );
  return { ...state, waves };
}

interface Notes {
  readonly actions: RolloutAction[];
  readonly log: (event: string, message: string) => void;
}

/** Moves the waves on as far as they go now. */
function moveWaves(rollout: Rollout, nowMs: number, notes: Notes): RolloutState {
  let { state } = rollout;
  // Each wave moves through its few states once; most steps move nothing.
  for (;;) {
    const next = moveWave({ ...rollout, state }, nowMs, notes);
    if (next === state || next.phase !== "running") return next;
    state = next;
  }
}

function moveWave(rollout: Rollout, nowMs: number, notes: Notes): RolloutState {
  const { spec, state, devices } = rollout;
  const wave = state.waves[state.wave] as WaveState;
  switch (wave.state) {
    case "waiting":
      return begin(spec, state, nowMs, notes);
    case "approval":
      return state;
    case "running":
    case "dwelling":
      return judge({ spec, state, devices }, wave, nowMs, notes);
    case "failed":
      return state;
    case "passed":
      if (state.wave + 1 < state.waves.length) return { ...state, wave: state.wave + 1, isHookPassed: false };
      return end(spec, state, nowMs, notes);
  }
}

/** Lets a wave begin, when nobody has to agree, or all have. */
function begin(spec: RolloutSpec, state: RolloutState, nowMs: number, notes: Notes): RolloutState {
  const wave = state.waves[state.wave] as WaveState;
  const number = state.wave + 1;
  if (waveOf(spec, state.wave).approval === "manual" && wave.approvedBy === undefined) {
    notes.log("rollout-wave-waits", `wave ${number} waits until somebody approves it`);
    return withWave(state, { state: "approval" }, nowMs);
  }
  const asked = askHook(spec, state, state.wave === 0 ? "before-start" : "between-waves", nowMs, notes);
  if (asked !== undefined) return asked;
  notes.log("rollout-wave-started", `wave ${number} begins`);
  const { hook: _, ...rest } = state;
  const begun = withWave(
    rest,
    { state: "running", startedAtMs: nowMs, pausedMs: 0, gates: newGates(spec, nowMs) },
    nowMs,
  );
  return { ...begun, pace: { nextAtMs: nowMs, given: 0 } };
}

/** The state while a hook is asked; undefined: nobody has to be, or it has said yes. */
function askHook(
  spec: RolloutSpec,
  state: RolloutState,
  hook: Hook,
  nowMs: number,
  { actions }: Notes,
): RolloutState | undefined {
  if (hookAddress(spec, hook) === undefined || state.isHookPassed) return undefined;
  actions.push({ kind: "hook", hook, wave: state.wave });
  return state.hook?.name === hook ? state : { ...state, hook: { name: hook, sinceMs: nowMs, message: "" } };
}

function judge(rollout: Rollout, wave: WaveState, nowMs: number, notes: Notes): RolloutState {
  const { spec, state, devices } = rollout;
  const number = state.wave + 1;
  const judgement = judgeWave(spec, state.wave, countWave(devices, state.wave));
  if (judgement.kind === "failed") return fail(spec, state, `wave ${number}: ${judgement.reason}`, nowMs, notes);
  if (judgement.kind === "undecided") return halt(state, `wave ${number}: ${judgement.reason}`, nowMs, notes);
  const gates = gatesVerdict(spec, wave);
  const gateWords = (): string => `wave ${number}: gate ${gates?.gate === undefined ? "" : wordsOf(spec, gates.gate)}`;
  if (gates?.verdict === "failure") return fail(spec, state, gateWords(), nowMs, notes);
  if (gates?.verdict === "inconclusive") return halt(state, `${gateWords()} (it cannot be judged)`, nowMs, notes);
  for (const gate of dueGates(wave, nowMs)) notes.actions.push({ kind: "measure", gate, wave: state.wave });
  if (wave.state === "running") {
    if (judgement.kind === "done") return withWave(state, { state: "dwelling" }, nowMs);
    const { wave: mostMs = Number.POSITIVE_INFINITY } = spec.timeouts;
    const { startedAtMs = nowMs, pausedMs = 0 } = wave;
    if (nowMs - startedAtMs - pausedMs < mostMs) return state;
    return halt(state, `wave ${number} has taken longer than its timeout`, nowMs, notes);
  }
  // Somebody has come back, or is tried again.
  if (judgement.kind === "running") return withWave(state, { state: "running" }, nowMs);
  if (nowMs - wave.sinceMs < waveOf(spec, state.wave).dwell || gates === undefined) return state;
  notes.log("rollout-wave-passed", `wave ${number} has passed`);
  return withWave(state, { state: "passed" }, nowMs);
}

/** What a gate measured last, and which condition that is a failure by. */
function wordsOf({ gates }: RolloutSpec, { name, measurements }: GateState): string {
  const newest = measurements.at(-1);
  const gate = gates.find((one) => one.name === name);
  const condition = gate && failedBy(gate, newest?.value);
  const least = gate?.minimumSample ?? 1;
  const isTooFew = newest?.sample !== undefined && newest.sample < least && least > 1;
  const why = isTooFew ? `, of at least ${least}` : condition === undefined ? "" : `, which is ${condition}`;
  return `${name}: ${brief(newest?.message ?? "")}${why}`;
}

function fail(spec: RolloutSpec, state: RolloutState, reason: string, nowMs: number, { log }: Notes): RolloutState {
  log("rollout-wave-failed", reason);
  const failed = withWave(state, { state: "failed" }, nowMs);
  switch (spec.onFailure.action) {
    case "pause":
      return { ...inPhase(failed, "halted", reason, nowMs), halt: "failed" };
    case "stop":
      return inPhase(failed, "stopped", reason, nowMs);
    case "roll-back":
      return beginRollBack(failed, reason, nowMs);
  }
}

/** The state in which devices are given back what they had. */
export function beginRollBack(state: RolloutState, reason: string, nowMs: number): RolloutState {
  return { ...inPhase(state, "rolling-back", reason, nowMs), pace: { nextAtMs: nowMs, given: 0 } };
}

function halt(state: RolloutState, reason: string, nowMs: number, { log }: Notes): RolloutState {
  log("rollout-halted", reason);
  return { ...inPhase(state, "halted", reason, nowMs), halt: "inconclusive" };
}

function end(spec: RolloutSpec, state: RolloutState, nowMs: number, notes: Notes): RolloutState {
  const asked = askHook(spec, state, "at-end", nowMs, notes);
  if (asked !== undefined) return asked;
  notes.log("rollout-finishing", "all waves have passed");
  const { hook: _, ...rest } = state;
  return inPhase(rest, "finishing", "", nowMs);
}

/** Over, when nobody is to be changed any more, and nobody is away, or has been for too long. */
function finish({ spec, state, devices }: Rollout, nowMs: number, log: Notes["log"]): RolloutState {
  if (devices.some((one) => one.state === "pending" || one.state === "in-progress")) return state;
  const away = devices.filter((one) => one.state === "offline").length;
  if (away > 0 && nowMs - state.sinceMs < spec.timeouts.offline) return state;
  const reason = away === 0 ? "" : `${away === 1 ? "1 device has" : `${away} devices have`} not come back in time`;
  log("rollout-completed", reason);
  return inPhase(state, "completed", reason, nowMs);
}
