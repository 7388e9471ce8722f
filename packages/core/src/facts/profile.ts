import { median } from "../numerics/index.ts";
import { MAX_REPEATS, measuredSchema, repeatsSchema } from "./measured.ts";
import { MpoError } from "./mpo-error.ts";
import { batchSchema, freezingSchema, MAX_UNITS } from "./retrain-config.ts";
import {
  byteCount,
  checked,
  consistent,
  digest,
  durationMs,
  type Fact,
  flag,
  list,
  MAX_COUNT,
  MAX_UINT32,
  name,
  number,
  object,
  type Refuse,
  share,
  text,
  timestampMs,
  whole,
  word,
} from "./schema.ts";

/** Format of profiles. A profile of another version is measured again, not converted: probing takes seconds. */
export const PROFILE_VERSION = 2;

/** Memory held for the whole step, in addition to the weights: known to the optimizer and to the loss, not the plan. */
export type StepMemoryFacts = Fact<typeof memoryFactsSchema>;
const memoryFactsSchema = object({
  /** Optimizer state for each parameter byte that trains: SGD 0, momentum 1, Adam 2. */
  slotsPerParameter: number(0, 64),
  /** Bytes that the loss holds while it runs, for each sample. */
  lossWorkBytesPerSample: byteCount(),
});

/** Time of one unit of the model with nothing frozen, at one micro-batch. Times are repeats, outliers included. */
export type UnitTimeSample = Fact<typeof unitTimeSchema>;
const unitTimeSchema = object({
  unit: whole(0, MAX_UNITS - 1),
  microBatch: batchSchema,
  forwardMs: repeatsSchema,
  backwardMs: repeatsSchema,
  /** The backward run when only normalisation layers train. Absent: not measured. */
  normOnlyBackwardMs: repeatsSchema.optional(),
});

/** Time of stepping the optimizer, and of adding to the accumulators, for `bytes` of parameters. */
export type UpdateSample = Fact<typeof updateSchema>;
const updateSchema = object({
  parameterBytes: whole(1),
  updateMs: repeatsSchema,
  accumulateMs: list(durationMs(), 0, MAX_REPEATS),
});

/** Who judged accuracy: held-out labels, or an estimate without labels. */
export type AccuracyJudge = Fact<typeof judgeSchema>;
export const judgeSchema = word(["labels", "label-free"]);

/** One micro-window: accuracy along a short training under one freezing and micro-batch. */
export type AccuracySample = Fact<typeof accuracySchema>;
const accuracySchema = consistent(
  object({
    freezing: freezingSchema,
    microBatch: batchSchema,
    judge: judgeSchema,
    /** Accuracy before any step. */
    startAccuracy: share(),
    /** Steps rise. */
    points: list(object({ steps: whole(1, MAX_COUNT), accuracy: share() }), 0, 256),
    /** Samples that each accuracy was judged on: says how far off it may be by chance. */
    judgedSamples: whole(1, MAX_UINT32),
  }),
  ({ points }, refuse) => {
    points.forEach(({ steps }, index) => {
      const before = points[index - 1];
      if (before === undefined || steps > before.steps) return;
      refuse(["points", index, "steps"], steps, `more than the ${before.steps} of the point before`);
    });
  },
);

/** How it trains: loss and optimizer decide memory and curves. */
const methodSchema = object({ loss: name(), optimizer: name() });
const curvesSchema = list(accuracySchema, 0, 128);
const otherMethodSchema = object({ method: methodSchema, memoryFacts: memoryFactsSchema, accuracy: curvesSchema });

const version = text(1, 64);
const measuredUnitsSchema = object({
  model: object({
    name: name(),
    /** Of its graph: costs depend on the architecture, not on the weights. */
    graphDigest: digest(),
    unitCount: whole(1, MAX_UNITS),
    parameterCount: whole(1),
    /** Normalises over the batch, so that the micro-batch changes what is learned. */
    hasBatchStatistics: flag(),
  }),
  unitTimes: list(unitTimeSchema, 0, 16_384),
});

/** What probes measured for one model on one device. Plain data, as it is stored and sent. */
export type Profile = Fact<typeof profileSchema>;
export const profileSchema = consistent(
  object({
    version: whole(PROFILE_VERSION, PROFILE_VERSION),
    ...measuredUnitsSchema.shape,
    device: object({ id: name(), class: name() }),
    /** Versions of the parts whose change makes the numbers stale. */
    software: object({ engine: version, library: version }),
    method: methodSchema,
    memoryFacts: memoryFactsSchema,
    effectiveBatch: whole(1, MAX_UINT32),
    /** Resident bytes of the loaded process before its first step. */
    idleBytes: byteCount(),
    steps: list(measuredSchema, 0, 512),
    updates: list(updateSchema, 0, 64),
    accuracy: curvesSchema,
    /** Methods that raced beside its own. Units take what they take whatever the loss: all else holds for them too. */
    others: list(otherMethodSchema, 1, 16).optional(),
    /** What probing itself took. */
    spent: object({
      ms: durationMs(),
      peakBytes: byteCount(),
      configs: whole(0, 4_096),
      /** Share of the processor that other programs took meanwhile; absent: not known. */
      othersCpuShare: share().optional(),
    }),
    /** Of the end of probing, by the device's clock. */
    measuredAtMs: timestampMs(),
    /** The device that measured it, where this one only checked it; absent: this one measured it. */
    sharedFrom: name().optional(),
  }),
  checkUnits,
);

/** A larger micro-batch that takes less than this share of a smaller one's time was not measured. */
const LEAST_GROWTH = 0.5;

/** Units exist, and more samples never take much less time. */
function checkUnits({ unitTimes, model }: Fact<typeof measuredUnitsSchema>, refuse: Refuse): void {
  const byUnit = new Map<number, (UnitTimeSample & { readonly index: number })[]>();
  for (const [index, sample] of unitTimes.entries()) {
    if (sample.unit >= model.unitCount)
      refuse(["unitTimes", index, "unit"], sample.unit, `a unit of the model's ${model.unitCount}`);
    byUnit.set(sample.unit, [...(byUnit.get(sample.unit) ?? []), { ...sample, index }]);
  }
  for (const samples of byUnit.values()) {
    const sorted = samples.sort((left, right) => left.microBatch - right.microBatch);
    for (const [place, sample] of sorted.entries()) {
      const before = sorted[place - 1];
      if (before === undefined || before.microBatch === sample.microBatch) continue;
      for (const field of ["forwardMs", "backwardMs"] as const) {
        const now = median(sample[field]);
        const then = median(before[field]);
        if (now >= LEAST_GROWTH * then) continue;
        const expected = `at least half of the ${then} at micro-batch ${before.microBatch}: probe the device again`;
        refuse(["unitTimes", sample.index, field], now, expected);
      }
    }
  }
}

/** What the reader of a profile needs it to be of. Absent fields are not compared. */
export interface ExpectedProfile {
  readonly graphDigest?: string | undefined;
  readonly deviceClass?: string | undefined;
  readonly engine?: string | undefined;
}

/**
 * Checks data that claims to be a profile, field by field. Throws `invalid-data` for what is missing, out of its bounds
 * or contradicts itself, and `precondition-failed` for a profile of another version, model, device class or engine than
 * expected.
 */
export function validateProfile(value: unknown, expected: ExpectedProfile = {}): Profile {
  const found = checked(object({ version: whole() }), value, "profile").version;
  if (found !== PROFILE_VERSION) {
    throw new MpoError("precondition-failed", `profile.version is ${found}; this release reads ${PROFILE_VERSION}`, {
      hint: "Probe the device again with this release.",
    });
  }
  const profile = checked(profileSchema, value, "profile");
  const { model, device, software } = profile;
  for (const [what, is, wanted] of [
    ["model", model.graphDigest, expected.graphDigest],
    ["device class", device.class, expected.deviceClass],
    ["engine", software.engine, expected.engine],
  ] as const) {
    if (wanted === undefined || wanted === is) continue;
    throw new MpoError("precondition-failed", `the profile is of ${what} ${is}, but ${wanted} was asked for`, {
      hint: `Probe that ${what}, or choose its profile.`,
    });
  }
  return profile;
}

/** As much of a profile as memory and time are predicted from. */
export type CostProfile = Pick<
  Profile,
  "memoryFacts" | "effectiveBatch" | "unitTimes" | "steps" | "updates" | "others"
> & {
  readonly spent: Pick<Profile["spent"], "othersCpuShare">;
};

/** Age of a profile; never negative, also when the clocks of device and reader disagree. */
export function profileAgeMs(profile: Profile, nowMs: number): number {
  return Math.max(0, nowMs - profile.measuredAtMs);
}
