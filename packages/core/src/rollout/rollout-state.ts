import { type Fact, fact, MAX_COUNT, MESSAGE_LENGTH } from "../facts/index.ts";
import { MAX_WAVES } from "./spec.ts";

const { durationMs, flag, list, name, number, object, text, timestampMs, whole, word } = fact;

/** Where a rollout stands. */
export const ROLLOUT_PHASES = [
  /** Frozen, and shown; nothing has been changed. */
  "planned",
  "running",
  /** A person has paused it. */
  "paused",
  /** It has paused itself: a wave failed, or could not be judged; it waits for a person. */
  "halted",
  /** The devices that it has changed are given back what they had. */
  "rolling-back",
  /** Its devices run something that it does not know: an older store was put back. It waits for a person. */
  "conflicted",
  /** All waves have passed; devices that were away get their turn as they come back. */
  "finishing",
  "completed",
  "stopped",
  "rolled-back",
] as const;
export type RolloutPhase = (typeof ROLLOUT_PHASES)[number];
/** In these nothing happens any more, unless a person retries. */
export const FINAL_PHASES: readonly RolloutPhase[] = ["completed", "stopped", "rolled-back"];

/** Where a device of a rollout stands. */
export const DEVICE_STATES = [
  /** Its turn has not come. */
  "pending",
  /** Its turn has come, and it is away. It gets its turn when it is back, also after its wave. */
  "offline",
  /** Given its change, which is not confirmed yet. */
  "in-progress",
  "confirmed",
  /** It could not run what it was given, and has gone back by itself. */
  "failed",
  "refused",
  /** It has not confirmed its change in time. */
  "timed-out",
  /** It is being given back what it had. */
  "rolling-back",
  "rolled-back",
  /** Somebody or something else has changed it since. */
  "superseded",
] as const;
export type DeviceState = (typeof DEVICE_STATES)[number];
/** A device of this state has had its turn, and its outcome counts. */
export const FAILED_STATES: readonly DeviceState[] = ["failed", "refused", "timed-out"];

export const WAVE_STATES = ["waiting", "approval", "running", "dwelling", "passed", "failed"] as const;

/** When somebody else is asked whether to go on. */
export const HOOKS = ["before-start", "between-waves", "at-end"] as const;
export type Hook = (typeof HOOKS)[number];

export const VERDICTS = ["success", "failure", "inconclusive"] as const;
/** What a measurement, or a gate, says of a wave. */
export type Verdict = (typeof VERDICTS)[number];

/** Measurements of a gate that are kept. */
const MAX_MEASUREMENTS = 32;
const words = text(0, MESSAGE_LENGTH);

/** One measurement of a gate. */
export type Measurement = Fact<typeof measurementSchema>;
const measurementSchema = object({
  atMs: timestampMs(),
  /** Absent: there was no answer, or it was no number. */
  value: number(-1e15, 1e15).optional(),
  verdict: word(VERDICTS),
  /** Devices, checks or windows that it stands on; absent: not known. */
  sample: whole(0, MAX_COUNT).optional(),
  /** Why it is what it is, in words. */
  message: words,
});

/** A gate of the wave that runs. */
export type GateState = Fact<typeof gateStateSchema>;
export const gateStateSchema = object({
  name: name(),
  /** Newest last. */
  measurements: list(measurementSchema, 0, MAX_MEASUREMENTS),
  taken: whole(0, MAX_COUNT),
  failures: whole(0, MAX_COUNT),
  inconclusives: whole(0, MAX_COUNT),
  successesInRow: whole(0, MAX_COUNT),
  /** Absent: it is not over. */
  verdict: word(VERDICTS).optional(),
  /** When it is due, by the coordinator's clock. */
  nextAtMs: timestampMs(),
});

export type WaveState = Fact<typeof waveStateSchema>;
export const waveStateSchema = object({
  state: word(WAVE_STATES),
  /** When it came to be in this state. */
  sinceMs: timestampMs(),
  startedAtMs: timestampMs().optional(),
  /** How long the rollout stood still since. */
  pausedMs: durationMs().optional(),
  /** Who let it begin. */
  approvedBy: text(1, 128).optional(),
  /** Its gates, once it has begun. */
  gates: list(gateStateSchema, 0, 16),
});

/** How far a rate has come. */
export type Pace = Fact<typeof paceSchema>;
const paceSchema = object({
  /** When the next device may be changed, by the coordinator's clock. */
  nextAtMs: number(0, 8.64e15),
  /** Devices since it began. */
  given: whole(0, MAX_COUNT),
});

/** A rollout's own part of its state: what is not one device's. */
export type RolloutState = Fact<typeof rolloutStateSchema>;
export const rolloutStateSchema = object({
  phase: word(ROLLOUT_PHASES),
  sinceMs: timestampMs(),
  /** Why it is in this phase, in words. */
  reason: words,
  /** What a halt is about: a failed wave may be rolled back, one that could not be judged waits. */
  halt: word(["failed", "inconclusive"]).optional(),
  /** The wave that runs, or comes next: an index of `waves`. */
  wave: whole(0, MAX_WAVES),
  waves: list(waveStateSchema, 1, MAX_WAVES + 1),
  /** Of the wave that runs, or of giving back. */
  pace: paceSchema.optional(),
  /** Which hook is waited for, since when; absent: none. */
  hook: object({ name: word(HOOKS), sinceMs: timestampMs(), message: words }).optional(),
  /** The hook before the next wave, or at the end, has said yes. */
  isHookPassed: flag(),
});

const versionSchema = object({ epoch: whole(1), version: whole(1) });

/** One device of a rollout. */
export type DeviceProgress = Fact<typeof deviceProgressSchema>;
export const deviceProgressSchema = object({
  device: name(),
  /** An index of the rollout's waves. */
  wave: whole(0, MAX_WAVES),
  state: word(DEVICE_STATES),
  sinceMs: timestampMs(),
  /** Times that it was given its change. */
  attempts: whole(0, 64),
  /** The document that it was given last, for its change or to go back; absent: that is still to be done. */
  given: versionSchema.optional(),
  /** What it ran before its first; absent: nothing. */
  before: versionSchema.optional(),
  /** Why it is in this state, in words. */
  message: words,
});
