import {
  deviceProgressSchema,
  type Fact,
  fact,
  MAX_COUNT,
  MAX_WAVES,
  REASON_LENGTH,
  rolloutStateSchema,
} from "@mpo/core";
import { schemas } from "@mpo/protocol";
import { packedBytes, recordForm } from "../store/records.ts";

const { byteCount, digest, durationMs, list, name, object, share, text, timestampMs, whole } = fact;

/** Devices of one part: what is written again when one of them has moved on. */
export const PART_DEVICES = 128;
const MAX_PARTS = 4_096;
const who = text(1, 128);

const rolloutSchema = object({
  /** The file as JSON, as it was given. */
  spec: text(2, 16_384),
  /** Name of this plan; no two have the same, also not of rollouts of one name. */
  plan: name(),
  state: rolloutStateSchema,
  plannedBy: who,
  plannedAtMs: timestampMs(),
  startedAtMs: timestampMs().optional(),
  endedAtMs: timestampMs().optional(),
  devices: whole(1, MAX_COUNT),
  parts: whole(1, MAX_PARTS),
  /** Of each wave, by the state of its devices. */
  counts: list(list(schemas.stateCount, 0, 16), 1, MAX_WAVES + 1),
  /** Why it does not move, in words; absent: it moves, or is over. */
  waitsFor: text(1, 512).optional(),
  /** When a device or a wave moved on last. */
  movedAtMs: timestampMs(),
  /** When a person said that documents may have been raised until then: an older store was put back. */
  raisedUntilMs: timestampMs().optional(),
  /** The coordinator that leads it, and a number that rises while it does; absent: none does. */
  lease: object({ owner: text(1, 256), beat: whole() }).optional(),
});

/** A rollout, but for what is its devices'. Changes with every step. */
export type RolloutRecord = Fact<typeof rolloutSchema>;
export const rolloutForm = recordForm("rollout", rolloutSchema);

const plannedDevice = object({
  /** By the name that it had. */
  device: name(),
  /** Which of the part's contents it gets. */
  content: whole(0, PART_DEVICES - 1),
  /** In words. */
  config: text(1, REASON_LENGTH),
  memoryBytes: byteCount().optional(),
  stepMs: durationMs().optional(),
  accuracy: share().optional(),
  /** Whose profile it was planned by, where it is not its own. */
  profileOf: name().optional(),
  /** The report that brought that profile, and what was measured; absent: no profile is needed. */
  measured: object({ report: name(), digest: digest() }).optional(),
});

/** What one device gets. */
export type PlannedDevice = Fact<typeof plannedDevice>;

/** A part of what was planned. Written once. */
export type PlanPart = Fact<typeof planPart>;
const planPart = object({
  devices: list(plannedDevice, 1, PART_DEVICES),
  /** Documents of no device yet, as they will be sent but for their version, compressed. */
  contents: list(packedBytes, 1, PART_DEVICES),
});
export const planPartForm = recordForm("rollout-plan", planPart);

/** How far the devices of a part are, in the order of the plan's. */
export type ProgressPart = Fact<typeof progressPart>;
const progressPart = object({ devices: list(deviceProgressSchema, 1, PART_DEVICES) });
export const progressPartForm = recordForm("rollout-progress", progressPart);

/** What a person is shown of a plan as a whole. Written once. */
export type PlanSummary = Fact<typeof planSummary>;
const planSummary = object({
  distribution: list(schemas.plannedShare, 0, 64),
  leftOut: list(schemas.leftOut, 0, 1_000),
  leftOutCount: whole(0, MAX_COUNT),
  /** Devices of the control group. */
  control: list(name(), 0, 10_000),
  forecast: schemas.forecast.optional(),
});
export const planSummaryForm = recordForm("rollout-summary", planSummary);
