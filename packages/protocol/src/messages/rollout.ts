import {
  DEVICE_STATES,
  type Fact,
  fact,
  gateStateSchema,
  MAX_COUNT,
  MAX_SPEC_LENGTH,
  MAX_WAVES,
  MESSAGE_LENGTH,
  REASON_LENGTH,
  ROLLOUT_COMMANDS,
  ROLLOUT_PHASES,
  WAVE_STATES,
} from "@mpo/core";
import { pageSize, pageToken } from "./admin.ts";
import { documentVersion } from "./document.ts";

const { byteCount, durationMs, flag, list, name, object, share, text, timestampMs, whole, word } = fact;

/** A rollout's file as JSON: what it may say is `RolloutSpec` of core. */
const spec = text(2, MAX_SPEC_LENGTH);
const count = whole(0, MAX_COUNT);
const words = text(0, MESSAGE_LENGTH);
const why = text(0, REASON_LENGTH);

/** How many devices are in a state. */
export type StateCount = Fact<typeof stateCount>;
export const stateCount = object({ state: word(DEVICE_STATES), devices: count });

/** A wave as people are shown it. */
export type WaveView = Fact<typeof waveView>;
const waveView = object({
  state: word(WAVE_STATES),
  sinceMs: timestampMs(),
  startedAtMs: timestampMs().optional(),
  approvedBy: text(1, 128).optional(),
  devices: count,
  /** Only states that some device is in. */
  counts: list(stateCount, 0, DEVICE_STATES.length),
  gates: list(gateStateSchema, 0, 16),
});

/** A configuration, and for how many devices it was chosen. */
export type PlannedShare = Fact<typeof plannedShare>;
export const plannedShare = object({
  /** In words; of a model version, its name. */
  config: text(1, REASON_LENGTH),
  devices: count,
  /** The largest bounds among them; absent where nothing is predicted. */
  memoryBytes: byteCount().optional(),
  stepMs: durationMs().optional(),
  /** The mean among them. */
  accuracy: share().optional(),
});

/** A device that the rollout does not change. */
export type LeftOut = Fact<typeof leftOut>;
export const leftOut = object({
  device: name(),
  cause: word(["no-profile", "old-profile", "does-not-fit", "not-served", "unknown-zone", "excluded", "control"]),
  message: words,
});

/** What is expected of a rollout before it begins. */
export type Forecast = Fact<typeof forecast>;
export const forecast = object({
  /** From the start until the last wave has passed. */
  expectedMs: whole(),
  /** Of each wave, from the start of the rollout. */
  waveEndsMs: list(whole(), 0, MAX_WAVES + 1),
  /** Most devices that are being changed at once. */
  peakDevices: count,
  /** Devices that would take longest, with what is slow about them. */
  slowest: list(object({ device: name(), ms: whole(), message: words }), 0, 16),
  /** What was assumed, one line each. */
  assumptions: list(text(1, MESSAGE_LENGTH), 0, 16),
});

/** A rollout as people are shown it. */
export type RolloutView = Fact<typeof rolloutView>;
const rolloutView = object({
  tenant: name(),
  name: name(),
  spec,
  phase: word(ROLLOUT_PHASES),
  sinceMs: timestampMs(),
  reason: words,
  /** Why it is not moving: on whom it waits, since when, what would free it; absent: it moves, or is over. */
  waitsFor: words.optional(),
  /** The wave that runs, or comes next. */
  wave: whole(0, MAX_WAVES),
  waves: list(waveView, 1, MAX_WAVES + 1),
  devices: count,
  counts: list(stateCount, 0, DEVICE_STATES.length),
  control: count,
  plannedBy: text(1, 128),
  plannedAtMs: timestampMs(),
  startedAtMs: timestampMs().optional(),
  endedAtMs: timestampMs().optional(),
  distribution: list(plannedShare, 0, 64),
  /** The first of them, and how many there are. */
  leftOut: list(leftOut, 0, 1_000),
  leftOutCount: count,
  forecast: forecast.optional(),
});

/** Freezes who would get what. Refused when a rollout of this name is under way. */
export const planRolloutRequest = object({ tenant: name(), spec, reason: why });
export const planRolloutResponse = object({ rollout: rolloutView, serverTimeMs: timestampMs() });

export const getRolloutRequest = object({ tenant: name(), name: name() });
export const getRolloutResponse = object({ rollout: rolloutView, serverTimeMs: timestampMs() });

/** Newest first. */
export const listRolloutsRequest = object({ tenant: name(), isActive: flag().optional(), pageSize, pageToken });
export const listRolloutsResponse = object({
  rollouts: list(rolloutView, 0, 100),
  nextPageToken: pageToken,
  serverTimeMs: timestampMs(),
});

/** A device of a rollout, with what was planned for it and what became of it. */
export type RolloutDevice = Fact<typeof rolloutDevice>;
const rolloutDevice = object({
  device: name(),
  wave: whole(0, MAX_WAVES),
  state: word(DEVICE_STATES),
  sinceMs: timestampMs(),
  attempts: whole(0, 64),
  given: documentVersion.optional(),
  before: documentVersion.optional(),
  message: words,
  /** In words. */
  config: text(1, REASON_LENGTH),
  memoryBytes: byteCount().optional(),
  stepMs: durationMs().optional(),
  accuracy: share().optional(),
  /** Whose profile that was predicted from, where it is not its own. */
  profileOf: name().optional(),
});

/** In the order of their turn. */
export const listRolloutDevicesRequest = object({
  tenant: name(),
  name: name(),
  wave: whole(0, MAX_WAVES).optional(),
  state: word(DEVICE_STATES).optional(),
  pageSize,
  pageToken,
});
export const listRolloutDevicesResponse = object({
  devices: list(rolloutDevice, 0, 1_000),
  nextPageToken: pageToken,
  serverTimeMs: timestampMs(),
});

/** Says something to a rollout. */
export const changeRolloutRequest = object({
  tenant: name(),
  name: name(),
  command: word(ROLLOUT_COMMANDS),
  /** Only while it is in this phase; else a conflict. Absent: in whichever it is. */
  expectedPhase: word(ROLLOUT_PHASES).optional(),
  reason: why,
});
export const changeRolloutResponse = object({ rollout: rolloutView, serverTimeMs: timestampMs() });

/** Forgets a rollout that is planned or over. */
export const removeRolloutRequest = object({ tenant: name(), name: name(), reason: why });
export const removeRolloutResponse = object({});
