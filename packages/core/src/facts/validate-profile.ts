import { median } from "../numerics/index.ts";
import { FieldReader, invalid } from "./field-check.ts";
import { MpoError } from "./mpo-error.ts";
import {
  type AccuracySample,
  PROFILE_VERSION,
  type Profile,
  type StepSample,
  type UnitTimeSample,
  type UpdateSample,
} from "./profile.ts";
import type { UnitAction } from "./retrain-config.ts";
import { type Checkpoints, type FreezingRates, type RetrainConfig, resolveRetrainConfig } from "./retrain-config.ts";

/** What the reader of a profile needs it to be of. Absent fields are not compared. */
export interface ExpectedProfile {
  readonly modelDigest?: string;
  readonly deviceClass?: string;
  readonly engine?: string;
}

/** A larger micro-batch that takes less than this share of a smaller one's time was not measured. */
const LEAST_GROWTH = 0.5;
const NOT_NEGATIVE = { least: 0 };
const COUNT = { least: 1, isWhole: true };
const SHARE = { least: 0, most: 1 };

/**
 * Checks data that claims to be a profile, field by field. Throws `invalid-data` for what is missing, not a number,
 * negative or contradicts itself, and `precondition-failed` for a profile of another version, model, device class or
 * engine than expected.
 */
export function validateProfile(value: unknown, expected: ExpectedProfile = {}): Profile {
  const fields = new FieldReader(value, "profile");
  const version = fields.number("version", { least: 0, isWhole: true });
  if (version !== PROFILE_VERSION) {
    throw new MpoError("precondition-failed", `profile.version is ${version}; this release reads ${PROFILE_VERSION}`, {
      hint: "Probe the device again with this release.",
    });
  }
  const profile: Profile = {
    version,
    model: modelOf(fields.object("model")),
    device: { id: fields.object("device").text("id"), class: fields.object("device").text("class") },
    software: { engine: fields.object("software").text("engine"), library: fields.object("software").text("library") },
    method: { loss: fields.object("method").text("loss"), optimizer: fields.object("method").text("optimizer") },
    memoryFacts: {
      slotsPerParameter: fields.object("memoryFacts").number("slotsPerParameter", NOT_NEGATIVE),
      lossWorkBytesPerSample: fields.object("memoryFacts").number("lossWorkBytesPerSample", NOT_NEGATIVE),
    },
    effectiveBatch: fields.number("effectiveBatch", COUNT),
    idleBytes: fields.number("idleBytes", NOT_NEGATIVE),
    unitTimes: fields.list("unitTimes", unitTimeOf),
    steps: fields.list("steps", stepOf),
    updates: fields.list("updates", updateOf),
    accuracy: fields.list("accuracy", accuracyOf),
    spent: spentOf(fields.object("spent")),
    measuredAtMs: fields.number("measuredAtMs", NOT_NEGATIVE),
  };
  checkUnits(profile);
  checkExpected(profile, expected);
  return profile;
}

function modelOf(fields: FieldReader): Profile["model"] {
  return {
    name: fields.text("name"),
    digest: fields.text("digest"),
    unitCount: fields.number("unitCount", COUNT),
    parameterCount: fields.number("parameterCount", COUNT),
    hasBatchStatistics: fields.flag("hasBatchStatistics"),
  };
}

function spentOf(fields: FieldReader): Profile["spent"] {
  const spent = {
    ms: fields.number("ms", NOT_NEGATIVE),
    peakBytes: fields.number("peakBytes", NOT_NEGATIVE),
    configs: fields.number("configs", { least: 0, isWhole: true }),
  };
  return fields.has("othersCpuShare") ? { ...spent, othersCpuShare: fields.number("othersCpuShare", SHARE) } : spent;
}

function unitTimeOf(fields: FieldReader): UnitTimeSample {
  const sample = {
    unit: fields.number("unit", { least: 0, isWhole: true }),
    microBatch: fields.number("microBatch", COUNT),
    forwardMs: fields.numbers("forwardMs", NOT_NEGATIVE, 1),
    backwardMs: fields.numbers("backwardMs", NOT_NEGATIVE, 1),
  };
  if (!fields.has("normOnlyBackwardMs")) return sample;
  return { ...sample, normOnlyBackwardMs: fields.numbers("normOnlyBackwardMs", NOT_NEGATIVE, 1) };
}

function stepOf(fields: FieldReader, path: string): StepSample {
  const step = {
    config: configOf(fields.object("config"), `${path}.config`),
    plannedPeakBytes: fields.number("plannedPeakBytes", COUNT),
    msPerStep: fields.numbers("msPerStep", NOT_NEGATIVE, 1),
  };
  if (!fields.has("measuredPeakBytes")) return step;
  return { ...step, measuredPeakBytes: fields.number("measuredPeakBytes", NOT_NEGATIVE) };
}

function configOf(fields: FieldReader, path: string): RetrainConfig {
  try {
    return resolveRetrainConfig({
      microBatch: fields.number("microBatch", COUNT),
      accumulation: fields.number("accumulation", COUNT),
      freezing: freezingOf(fields.object("freezing")),
      checkpoints: checkpointsOf(fields.object("checkpoints")),
    });
  } catch (error) {
    if (error instanceof MpoError && error.code === "invalid-data") throw error;
    throw new MpoError("invalid-data", `${path}: ${MpoError.from(error).message}`, { cause: error });
  }
}

function freezingOf(fields: FieldReader): FreezingRates {
  return {
    featureExtraction: fields.number("featureExtraction", SHARE),
    normalisation: fields.number("normalisation", SHARE),
    linear: fields.number("linear", SHARE),
  };
}

function checkpointsOf(fields: FieldReader): Checkpoints {
  const kind = fields.oneOf("kind", ["none", "uniform", "boundaries", "schedule"]);
  switch (kind) {
    case "none":
      return { kind };
    case "uniform":
      return { kind, segments: fields.number("segments", COUNT) };
    case "boundaries":
      return { kind, at: fields.numbers("at", { least: 0, isWhole: true }, 0) };
    case "schedule":
      return { kind, actions: fields.list("actions", actionOf) };
  }
}

function actionOf(fields: FieldReader): UnitAction {
  const unit = fields.number("unit", { least: 0, isWhole: true });
  const kind = fields.oneOf("kind", ["forward", "backward"]);
  return kind === "backward" ? { kind, unit } : { kind, unit, keep: fields.oneOf("keep", ["all", "input", "nothing"]) };
}

function updateOf(fields: FieldReader): UpdateSample {
  return {
    parameterBytes: fields.number("parameterBytes", COUNT),
    updateMs: fields.numbers("updateMs", NOT_NEGATIVE, 1),
    accumulateMs: fields.numbers("accumulateMs", NOT_NEGATIVE, 0),
  };
}

function accuracyOf(fields: FieldReader, path: string): AccuracySample {
  const points = fields.list("points", (point) => ({
    steps: point.number("steps", { least: 1, isWhole: true }),
    accuracy: point.number("accuracy", SHARE),
  }));
  points.forEach(({ steps }, index) => {
    const before = points[index - 1];
    if (before !== undefined && steps <= before.steps) {
      throw invalid(`${path}.points[${index}].steps`, steps, `more than the ${before.steps} of the point before`);
    }
  });
  return {
    freezing: freezingOf(fields.object("freezing")),
    microBatch: fields.number("microBatch", COUNT),
    judge: fields.oneOf("judge", ["labels", "label-free"]),
    startAccuracy: fields.number("startAccuracy", SHARE),
    points,
    judgedSamples: fields.number("judgedSamples", COUNT),
  };
}

/** Units exist, and more samples never take much less time. */
function checkUnits({ unitTimes, model }: Profile): void {
  const byUnit = new Map<number, UnitTimeSample[]>();
  unitTimes.forEach((sample, index) => {
    if (sample.unit >= model.unitCount) {
      throw invalid(`profile.unitTimes[${index}].unit`, sample.unit, `a unit of the model's ${model.unitCount}`);
    }
    byUnit.set(sample.unit, [...(byUnit.get(sample.unit) ?? []), sample]);
  });
  for (const [unit, samples] of byUnit) {
    const sorted = [...samples].sort((left, right) => left.microBatch - right.microBatch);
    for (const [index, sample] of sorted.entries()) {
      const before = sorted[index - 1];
      if (before === undefined || before.microBatch === sample.microBatch) continue;
      for (const field of ["forwardMs", "backwardMs"] as const) {
        const now = median(sample[field]);
        const then = median(before[field]);
        if (now >= LEAST_GROWTH * then) continue;
        throw new MpoError(
          "invalid-data",
          `profile.unitTimes: ${field} of unit ${unit} falls from ${then} at micro-batch ${before.microBatch} to ${now} at ${sample.microBatch}`,
          { hint: "Probe the device again; more samples cannot take half the time." },
        );
      }
    }
  }
}

function checkExpected(profile: Profile, { modelDigest, deviceClass, engine }: ExpectedProfile): void {
  const compare = (what: string, found: string, wanted: string | undefined): void => {
    if (wanted === undefined || wanted === found) return;
    throw new MpoError("precondition-failed", `the profile is of ${what} ${found}, but ${wanted} was asked for`, {
      hint: `Probe that ${what}, or choose its profile.`,
    });
  };
  compare("model", profile.model.digest, modelDigest);
  compare("device class", profile.device.class, deviceClass);
  compare("engine", profile.software.engine, engine);
}
