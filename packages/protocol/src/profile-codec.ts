import {
  type AccuracyJudge,
  type AccuracySample,
  MpoError,
  PROFILE_VERSION,
  type Profile,
  type StepMemoryFacts,
  type StepSample,
  type UnitTimeSample,
  type UpdateSample,
  validateProfile,
} from "@mpo/core";
import { list, type MessageField, message, optional, refined, unlessEmpty } from "./composed-fields.ts";
import type { Field } from "./field.ts";
import { choice, digest, flag, integer, name, number, share, text, timestampMs, whole } from "./fields.ts";
import type { AccuracyPoint__Output } from "./gen/mpo/v1/AccuracyPoint.ts";
import type { AccuracySample__Output } from "./gen/mpo/v1/AccuracySample.ts";
import type { MemoryFacts__Output } from "./gen/mpo/v1/MemoryFacts.ts";
import type { ProbingCost__Output } from "./gen/mpo/v1/ProbingCost.ts";
import type { Profile__Output } from "./gen/mpo/v1/Profile.ts";
import type { ProfiledDevice__Output } from "./gen/mpo/v1/ProfiledDevice.ts";
import type { ProfiledModel__Output } from "./gen/mpo/v1/ProfiledModel.ts";
import type { ProfilingSoftware__Output } from "./gen/mpo/v1/ProfilingSoftware.ts";
import type { StepSample__Output } from "./gen/mpo/v1/StepSample.ts";
import type { TrainingMethod__Output } from "./gen/mpo/v1/TrainingMethod.ts";
import type { UnitTimeSample__Output } from "./gen/mpo/v1/UnitTimeSample.ts";
import type { UpdateSample__Output } from "./gen/mpo/v1/UpdateSample.ts";
import { MAX_BATCH, MAX_MS, MAX_UNITS, MAX_WHOLE } from "./limits.ts";
import { freezingRates, retrainConfig } from "./retrain-config-codec.ts";

type Part<Name extends keyof Profile> = Profile[Name];
type AccuracyPoint = AccuracySample["points"][number];

const byteCount = number({ min: 0, max: MAX_WHOLE });
const batch = integer({ min: 1, max: MAX_BATCH });
const count32 = integer({ min: 1, max: 2 ** 32 - 1 });
const ms = number({ min: 0, max: MAX_MS });
const repeats = list(ms, { min: 1, max: 64 });
const version = text({ min: 1, max: 64 });

const model: MessageField<Part<"model">> = message<Part<"model">, ProfiledModel__Output>("ProfiledModel", {
  name: name(),
  digest: digest(),
  unitCount: integer({ min: 1, max: MAX_UNITS }),
  parameterCount: whole({ min: 1 }),
  hasBatchStatistics: flag(),
});

const device: MessageField<Part<"device">> = message<Part<"device">, ProfiledDevice__Output>("ProfiledDevice", {
  id: name(),
  class: name(),
});

const software: MessageField<Part<"software">> = message<Part<"software">, ProfilingSoftware__Output>(
  "ProfilingSoftware",
  { engine: version, library: version },
);

const method: MessageField<Part<"method">> = message<Part<"method">, TrainingMethod__Output>("TrainingMethod", {
  loss: name(),
  optimizer: name(),
});

const memoryFacts: MessageField<StepMemoryFacts> = message<StepMemoryFacts, MemoryFacts__Output>("MemoryFacts", {
  slotsPerParameter: number({ min: 0, max: 64 }),
  lossWorkBytesPerSample: byteCount,
});

const unitTime: MessageField<UnitTimeSample> = message<UnitTimeSample, UnitTimeSample__Output>("UnitTimeSample", {
  unit: integer({ min: 0, max: MAX_UNITS - 1 }),
  microBatch: batch,
  forwardMs: repeats,
  backwardMs: repeats,
  normOnlyBackwardMs: unlessEmpty(repeats),
});

const step: MessageField<StepSample> = message<StepSample, StepSample__Output>("StepSample", {
  config: retrainConfig,
  plannedPeakBytes: whole({ min: 1 }),
  measuredPeakBytes: optional(byteCount),
  msPerStep: repeats,
});

const update: MessageField<UpdateSample> = message<UpdateSample, UpdateSample__Output>("UpdateSample", {
  parameterBytes: whole({ min: 1 }),
  updateMs: repeats,
  accumulateMs: list(ms, { max: 64 }),
});

const judge: Field<AccuracyJudge> = choice({
  labels: "ACCURACY_JUDGE_LABELS",
  "label-free": "ACCURACY_JUDGE_LABEL_FREE",
});

const point: MessageField<AccuracyPoint> = message<AccuracyPoint, AccuracyPoint__Output>("AccuracyPoint", {
  steps: integer({ min: 1, max: 1e9 }),
  accuracy: share(),
});

const accuracy: MessageField<AccuracySample> = message<AccuracySample, AccuracySample__Output>("AccuracySample", {
  freezing: freezingRates,
  microBatch: batch,
  judge,
  startAccuracy: share(),
  points: list(point, { max: 256 }),
  judgedSamples: count32,
});

const spent: MessageField<Part<"spent">> = message<Part<"spent">, ProbingCost__Output>("ProbingCost", {
  ms,
  peakBytes: byteCount,
  configs: integer({ min: 0, max: 4096 }),
  othersCpuShare: optional(share()),
});

/** Bounds are checked here; that the parts do not contradict each other, by core. */
export const profile: MessageField<Profile> = refined(
  message<Profile, Profile__Output>("Profile", {
    version: integer({ min: PROFILE_VERSION, max: PROFILE_VERSION }),
    model,
    device,
    software,
    method,
    memoryFacts,
    effectiveBatch: count32,
    idleBytes: byteCount,
    unitTimes: list(unitTime, { max: 16_384 }),
    steps: list(step, { max: 512 }),
    updates: list(update, { max: 64 }),
    accuracy: list(accuracy, { max: 128 }),
    spent,
    measuredAtMs: timestampMs(),
  }),
  (value, path) => {
    try {
      validateProfile(value);
    } catch (thrown) {
      throw new MpoError("invalid-data", `${path}: ${MpoError.from(thrown).message}`, { cause: thrown });
    }
  },
);
