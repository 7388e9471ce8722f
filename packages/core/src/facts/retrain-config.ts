import { MpoError } from "./mpo-error.ts";
import { checked, choice, type Fact, list, object, share, text, whole, word } from "./schema.ts";

/** Units of a model. */
export const MAX_UNITS = 4_096;
/** Actions of one step. */
const MAX_ACTIONS = 16_384;
const unit = whole(0, MAX_UNITS - 1);

/** Samples that go through the model at once, or micro-batches of one update. */
export const MAX_BATCH = 65_536;
export const batchSchema = whole(1, MAX_BATCH);

/** Layers that can be named: as many as a chain may have operations. */
const MAX_LAYERS = 16_384;

/**
 * What does not train. A rate is the share of a class's layers that is frozen, counted from the input side: 0 = all train,
 * 1 = none trains. `onlyLayers` names the layers that may train, whichever they are; absent: all. A layer trains where both
 * let it.
 */
export type FreezingRates = Fact<typeof freezingSchema>;
export const freezingSchema = object({
  featureExtraction: share(),
  normalisation: share(),
  linear: share(),
  onlyLayers: list(text(1, 256), 1, MAX_LAYERS).optional(),
});

/**
 * One action of a step at the level of units. A forward action says what stays in memory afterwards:
 * - `all`: whatever the unit's backward pass reads,
 * - `input`: only its input (a checkpoint), so that it can run again,
 * - `nothing`: not even its input (unless somebody else still needs it).
 * (rotor, Beaumont et al. 2019: F_all, F_ck, F_none, B.)
 */
export type UnitAction = Fact<typeof unitActionSchema>;
export const unitActionSchema = choice({
  forward: { unit, keep: word(["all", "input", "nothing"]) },
  backward: { unit },
});

/**
 * Which activations are kept for the backward pass.
 * - `none`: everything is kept (no recompute).
 * - `uniform`: `segments` segments of equal unit count (the paper's policy, section 3).
 * - `boundaries`: the inputs of the units `at` are kept; what lies between is recomputed once, segment by segment.
 * - `schedule`: an explicit list of unit actions, as the rotor dynamic programme yields it.
 */
export type Checkpoints = Fact<typeof checkpointsSchema>;
export const CHECKPOINT_KINDS = {
  none: {},
  uniform: { segments: whole(1, MAX_UNITS) },
  boundaries: { at: list(unit, 0, MAX_UNITS) },
  schedule: { actions: list(unitActionSchema, 0, MAX_ACTIONS) },
};
const checkpointsSchema = choice(CHECKPOINT_KINDS);

/** The part of a config that needs no look at the model. */
const sizesSchema = object({ microBatch: batchSchema, accumulation: batchSchema, freezing: freezingSchema });

/**
 * The m-hyperparameters of one retraining. `microBatch * accumulation` is the effective batch. Whether boundaries and
 * actions fit a model is for the plan to say: it knows the chain.
 */
export type RetrainConfig = Fact<typeof configSchema>;
export const configSchema = object({ ...sizesSchema.shape, checkpoints: checkpointsSchema });

/** The effective batch of the paper's experiments (b * a = 256). */
const DEFAULT_EFFECTIVE_BATCH = 256;

export const NOTHING_FROZEN: FreezingRates = { featureExtraction: 0, normalisation: 0, linear: 0 };

/** The same rate for every layer class. */
export function uniformFreezing(rate: number): FreezingRates {
  return { featureExtraction: rate, normalisation: rate, linear: rate };
}

/** Completes and checks a config. Throws `invalid-argument` naming the field, its value and the allowed range. */
export function resolveRetrainConfig(partial: Partial<RetrainConfig>): RetrainConfig {
  const config: RetrainConfig = {
    microBatch: partial.microBatch ?? DEFAULT_EFFECTIVE_BATCH,
    accumulation: partial.accumulation ?? 1,
    freezing: partial.freezing ?? NOTHING_FROZEN,
    checkpoints: partial.checkpoints ?? { kind: "none" },
  };
  checked(sizesSchema, config, "config", "invalid-argument");
  // Schedules are long, come from plans, and are checked against the chain where they are used.
  const { checkpoints } = config;
  if (checkpoints.kind === "uniform") checked(checkpointsSchema, checkpoints, "config.checkpoints", "invalid-argument");
  return config;
}

/**
 * Splits an effective batch into micro-batches. Throws `invalid-argument` when the micro-batch does not divide it:
 * a rest would weigh its samples differently.
 */
export function accumulationFor(effectiveBatch: number, microBatch: number): number {
  checked(whole(1), effectiveBatch, "batch", "invalid-argument");
  checked(batchSchema, microBatch, "microBatch", "invalid-argument");
  if (effectiveBatch % microBatch !== 0) {
    throw new MpoError(
      "invalid-argument",
      `microBatch ${microBatch} does not divide the effective batch ${effectiveBatch}`,
      { hint: "Choose a micro-batch that divides the batch, for instance a power of two." },
    );
  }
  return effectiveBatch / microBatch;
}
