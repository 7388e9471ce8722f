import { MpoError } from "../facts/index.ts";
import { newGates } from "./gates.ts";
import type { Rollout, RolloutStep } from "./machine.ts";
import {
  type DeviceProgress,
  FAILED_STATES,
  FINAL_PHASES,
  type RolloutPhase,
  type RolloutState,
} from "./rollout-state.ts";
import { beginRollBack, inPhase, withWave } from "./step.ts";

/** What a person may say to a rollout. */
export const ROLLOUT_COMMANDS = ["start", "pause", "resume", "next", "approve", "stop", "roll-back", "retry"] as const;
export type RolloutCommand = (typeof ROLLOUT_COMMANDS)[number];

/** Phases in which a command makes sense. */
const ALLOWED: Readonly<Record<RolloutCommand, readonly RolloutPhase[]>> = {
  start: ["planned"],
  pause: ["running", "finishing"],
  resume: ["paused", "halted", "conflicted"],
  next: ["running", "paused", "halted"],
  approve: ["running", "paused"],
  stop: ["planned", "running", "paused", "halted", "rolling-back", "conflicted", "finishing"],
  "roll-back": ["running", "paused", "halted", "conflicted", "finishing", "completed", "stopped"],
  retry: ["running", "paused", "halted", "finishing", "completed", "stopped"],
};

export interface CommandFacts {
  readonly nowMs: number;
  readonly actor: string;
  /** In words; empty: none was given. */
  readonly reason: string;
}

/** A rollout after somebody has said something to it. Throws `precondition-failed` where that makes no sense. */
export function commandRollout(
  rollout: Rollout,
  command: RolloutCommand,
  { nowMs, actor, reason }: CommandFacts,
): Pick<RolloutStep, "state" | "changed"> {
  const { state } = rollout;
  if (!ALLOWED[command].includes(state.phase)) throw refused(command, state, hintFor(command, state));
  const because = reason === "" ? `by ${actor}` : `by ${actor}: ${reason}`;
  const only = (next: RolloutState): Pick<RolloutStep, "state" | "changed"> => ({ state: next, changed: [] });
  switch (command) {
    case "start":
      return only(inPhase(state, "running", "", nowMs));
    case "pause":
      return only(inPhase(state, "paused", because, nowMs));
    case "resume":
      return only(resumed(rollout, because, nowMs));
    case "next":
      return only(next(state, nowMs));
    case "approve":
      return only(approved(state, actor, nowMs));
    case "stop":
      return only(inPhase(state, "stopped", because, nowMs));
    case "roll-back":
      return only(beginRollBack(state, because, nowMs));
    case "retry":
      return retried(rollout, nowMs);
  }
}

function resumed({ spec, state, devices }: Rollout, because: string, nowMs: number): RolloutState {
  // It was given back when a conflict was found.
  if (devices.some((one) => one.state === "rolling-back" || one.state === "rolled-back"))
    return beginRollBack(state, because, nowMs);
  const wave = state.waves[state.wave];
  if (wave?.state === "failed") {
    const halted = "Retry what failed, go on with next, or roll back.";
    throw refused("resume", state, state.phase === "halted" ? halted : "Its wave has failed: roll back, or stop it.");
  }
  const isOver = wave?.state === "passed" && state.wave + 1 === state.waves.length;
  // Judged again from the beginning: what could not be judged may be by now. Its timeout begins again too.
  const again =
    state.halt === "inconclusive"
      ? withWave(state, { state: "running", startedAtMs: nowMs, pausedMs: 0, gates: newGates(spec, nowMs) }, nowMs)
      : withWave(state, { pausedMs: (wave?.pausedMs ?? 0) + nowMs - state.sinceMs }, nowMs);
  return { ...inPhase(again, isOver ? "finishing" : "running", "", nowMs), pace: { nextAtMs: nowMs, given: 0 } };
}

/** Whatever the wave waits for, it has passed. */
function next(state: RolloutState, nowMs: number): RolloutState {
  const wave = state.waves[state.wave];
  const isBegun = wave !== undefined && wave.state !== "waiting" && wave.state !== "approval";
  if (!isBegun) throw refused("next", state, "The wave has not begun: approve it, or wait for its hook.");
  return inPhase(withWave(state, { state: "passed" }, nowMs), "running", "", nowMs);
}

function approved(state: RolloutState, actor: string, nowMs: number): RolloutState {
  if (state.waves[state.wave]?.state !== "approval") throw refused("approve", state, "No wave waits for an approval.");
  return withWave(state, { state: "waiting", approvedBy: actor }, nowMs);
}

/**
 * Those that failed get another turn, and their waves are judged again. Of a rollout that was stopped, a person has to
 * agree to each wave that had not begun.
 */
function retried({ spec, state, devices }: Rollout, nowMs: number): Pick<RolloutStep, "state" | "changed"> {
  const changed = devices.flatMap((device): readonly DeviceProgress[] => {
    if (!FAILED_STATES.includes(device.state) || device.attempts >= MAX_ATTEMPTS) return [];
    const { given: _, ...rest } = device;
    return [{ ...rest, state: "pending", sinceMs: nowMs, message: "" }];
  });
  if (changed.length === 0) throw refused("retry", state, "No device of it has failed.");
  const again = new Set(changed.map(({ wave }) => wave));
  const waves = state.waves.map((wave, index) =>
    again.has(index)
      ? {
          ...wave,
          state: "running" as const,
          sinceMs: nowMs,
          startedAtMs: nowMs,
          pausedMs: 0,
          gates: [...newGates(spec, nowMs)],
        }
      : state.phase === "stopped" && wave.state === "waiting"
        ? { ...wave, state: "approval" as const, sinceMs: nowMs }
        : wave,
  );
  const first = Math.min(...again);
  const next = inPhase({ ...state, waves, wave: first }, "running", "", nowMs);
  return { state: { ...next, pace: { nextAtMs: nowMs, given: 0 } }, changed };
}

const MAX_ATTEMPTS = 64;

/** The rollout's devices run something that it does not know: an older store was put back. */
export function conflictRollout(state: RolloutState, reason: string, nowMs: number): RolloutState {
  return FINAL_PHASES.includes(state.phase) ? state : inPhase(state, "conflicted", reason, nowMs);
}

/** The hook that was waited for has said yes. */
export function withHookPassed(state: RolloutState): RolloutState {
  const { hook, ...rest } = state;
  return hook === undefined ? state : { ...rest, isHookPassed: true };
}

/** The hook that was waited for has said no, or nothing. */
export function withHookAnswer(state: RolloutState, message: string): RolloutState {
  return state.hook === undefined ? state : { ...state, hook: { ...state.hook, message } };
}

function refused(command: RolloutCommand, { phase }: RolloutState, hint: string): MpoError {
  return new MpoError("precondition-failed", `the rollout is ${phase}: ${typed(command)} makes no sense now`, { hint });
}

/** As it is typed. */
function typed(command: RolloutCommand): string {
  return command === "roll-back" ? "rollback" : command;
}

function hintFor(command: RolloutCommand, { phase }: RolloutState): string {
  const possible = ROLLOUT_COMMANDS.filter((one) => ALLOWED[one].includes(phase));
  if (possible.length === 0) return "It is over. Plan another one.";
  return `Now it takes ${possible.map(typed).join(", ")}${command === "start" ? "; or plan another one" : ""}.`;
}
