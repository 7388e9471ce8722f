import type { AffineBytes, FreezingRates, RetrainConfig } from "@mpo/core";
import { list, type MessageField, message, optional, refined } from "./composed-fields.ts";
import { type Resources, resources } from "./device-codec.ts";
import { type Field, refuse } from "./field.ts";
import { choice, digest, flag, integer, name, number, positive, share, text, timestampMs, whole } from "./fields.ts";
import type { AffineBytes__Output } from "./gen/mpo/v1/AffineBytes.ts";
import type { AffineSeconds__Output } from "./gen/mpo/v1/AffineSeconds.ts";
import type { CurvePoint__Output } from "./gen/mpo/v1/CurvePoint.ts";
import type { LearningCurve__Output } from "./gen/mpo/v1/LearningCurve.ts";
import type { PredictionSpread__Output } from "./gen/mpo/v1/PredictionSpread.ts";
import type { Profile__Output } from "./gen/mpo/v1/Profile.ts";
import type { StepMeasurement__Output } from "./gen/mpo/v1/StepMeasurement.ts";
import type { UnitCost__Output } from "./gen/mpo/v1/UnitCost.ts";
import { MAX_BATCH, MAX_SECONDS, MAX_UNITS, MAX_WHOLE } from "./limits.ts";
import { freezingRates, retrainConfig } from "./retrain-config-codec.ts";

/** Seconds that grow with the micro-batch: `fixed + perSample * microBatch`. */
export interface AffineSeconds {
  readonly fixed: number;
  readonly perSample: number;
}

/** What one unit costs on the device that measured. */
export interface WireUnitCost {
  readonly name: string;
  readonly outputBytes: AffineBytes;
  readonly savedBytes: AffineBytes;
  readonly forward: AffineSeconds;
  readonly backward: AffineSeconds;
}

/** How a measured step ended. */
export type StepOutcome = "ran" | "over-memory" | "out-of-time";

/** One whole step that was run. */
export interface StepMeasurement {
  readonly config: RetrainConfig;
  readonly outcome: StepOutcome;
  /** Over the idle worker. */
  readonly peakBytes?: number;
  readonly capBytes?: number;
  /** One entry a step, in order. */
  readonly stepSeconds: readonly number[];
}

/** What a retraining minimises. */
export type WireLoss = "tent" | "shot" | "cross-entropy";

/** Accuracy (0 to 1) after a number of updates. */
export interface CurvePoint {
  readonly step: number;
  readonly accuracy: number;
}

/** How accuracy goes while retraining. */
export interface WireLearningCurve {
  readonly freezing: FreezingRates;
  readonly microBatch: number;
  readonly effectiveBatch: number;
  readonly loss: WireLoss;
  readonly hasLabels: boolean;
  readonly points: readonly CurvePoint[];
}

/** How far predictions were off: standard deviations as a share of the prediction. */
export interface PredictionSpread {
  readonly memoryShare: number;
  readonly timeShare: number;
  readonly measurements: number;
}

/** What a device's probes measured for one model. */
export interface WireProfile {
  readonly format: number;
  readonly model: string;
  readonly modelDigest: string;
  readonly deviceClass: string;
  readonly measuredAtMs: number;
  readonly agentVersion: string;
  readonly engineVersion: string;
  readonly resources: Resources;
  readonly units: readonly WireUnitCost[];
  readonly parameterBytes: number;
  readonly updateSeconds: number;
  readonly steps: readonly StepMeasurement[];
  readonly curves: readonly WireLearningCurve[];
  readonly spread?: PredictionSpread;
  readonly probeSeconds: number;
}

const seconds = number({ min: 0, max: MAX_SECONDS });
const byteCount = number({ min: 0, max: MAX_WHOLE });
const batch = integer({ min: 1, max: MAX_BATCH });

const affineSeconds: MessageField<AffineSeconds> = message<AffineSeconds, AffineSeconds__Output>("AffineSeconds", {
  fixed: seconds,
  perSample: seconds,
});

const affineBytes: MessageField<AffineBytes> = message<AffineBytes, AffineBytes__Output>("AffineBytes", {
  fixed: byteCount,
  perSample: byteCount,
});

const unitCost: MessageField<WireUnitCost> = message<WireUnitCost, UnitCost__Output>("UnitCost", {
  name: text({ max: 128 }),
  outputBytes: affineBytes,
  savedBytes: affineBytes,
  forward: affineSeconds,
  backward: affineSeconds,
});

const stepOutcome: Field<StepOutcome> = choice({
  ran: "STEP_OUTCOME_RAN",
  "over-memory": "STEP_OUTCOME_OVER_MEMORY",
  "out-of-time": "STEP_OUTCOME_OUT_OF_TIME",
});

const stepMeasurement: MessageField<StepMeasurement> = refined(
  message<StepMeasurement, StepMeasurement__Output>("StepMeasurement", {
    config: retrainConfig,
    outcome: stepOutcome,
    peakBytes: optional(whole()),
    capBytes: optional(whole({ min: 1 })),
    stepSeconds: list(positive(MAX_SECONDS), { max: 64 }),
  }),
  ({ outcome, stepSeconds }, path) => {
    if (outcome === "ran" && stepSeconds.length === 0)
      refuse(`${path}.stepSeconds`, stepSeconds, "the time of each step");
  },
);

const loss: Field<WireLoss> = choice({
  tent: "LOSS_TENT",
  shot: "LOSS_SHOT",
  "cross-entropy": "LOSS_CROSS_ENTROPY",
});

const curvePoint: MessageField<CurvePoint> = message<CurvePoint, CurvePoint__Output>("CurvePoint", {
  step: integer({ min: 0, max: 1e9 }),
  accuracy: share(),
});

const learningCurve: MessageField<WireLearningCurve> = refined(
  message<WireLearningCurve, LearningCurve__Output>("LearningCurve", {
    freezing: freezingRates,
    microBatch: batch,
    effectiveBatch: integer({ min: 1, max: 2 ** 32 - 1 }),
    loss,
    hasLabels: flag(),
    points: list(curvePoint, { min: 1, max: 256 }),
  }),
  ({ points }, path) => {
    points.forEach(({ step }, index) => {
      const before = points[index - 1];
      if (before !== undefined && step <= before.step) {
        refuse(`${path}.points[${index}].step`, step, `more than that of the point before, ${before.step}`);
      }
    });
  },
);

const predictionSpread: MessageField<PredictionSpread> = message<PredictionSpread, PredictionSpread__Output>(
  "PredictionSpread",
  {
    memoryShare: number({ min: 0, max: 100 }),
    timeShare: number({ min: 0, max: 100 }),
    measurements: integer({ min: 0, max: 4096 }),
  },
);

export const profile: MessageField<WireProfile> = message<WireProfile, Profile__Output>("Profile", {
  format: integer({ min: 1, max: 1 }),
  model: name(),
  modelDigest: digest(),
  deviceClass: name(),
  measuredAtMs: timestampMs(),
  agentVersion: text({ min: 1, max: 64 }),
  engineVersion: text({ min: 1, max: 64 }),
  resources,
  units: list(unitCost, { min: 1, max: MAX_UNITS }),
  parameterBytes: whole(),
  updateSeconds: seconds,
  steps: list(stepMeasurement, { max: 256 }),
  curves: list(learningCurve, { max: 64 }),
  spread: optional(predictionSpread),
  probeSeconds: seconds,
});
