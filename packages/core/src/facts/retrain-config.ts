import { LAYER_CLASSES, type LayerClass } from "./chain.ts";
import { MpoError } from "./mpo-error.ts";

/** Share of the layers of each class that is frozen, counted from the input side: 0 = all train, 1 = none trains. */
export type FreezingRates = Readonly<Record<LayerClass, number>>;

/**
 * One action of a step at the level of units. A forward action says what stays in memory afterwards:
 * - `all`: whatever the unit's backward pass reads,
 * - `input`: only its input (a checkpoint), so that it can run again,
 * - `nothing`: not even its input (unless somebody else still needs it).
 * (rotor, Beaumont et al. 2019: F_all, F_ck, F_none, B.)
 */
export type UnitAction =
  | { readonly kind: "forward"; readonly unit: number; readonly keep: "all" | "input" | "nothing" }
  | { readonly kind: "backward"; readonly unit: number };

/**
 * Which activations are kept for the backward pass.
 * - `none`: everything is kept (no recompute).
 * - `uniform`: `segments` segments of equal unit count (the paper's policy, section 3).
 * - `boundaries`: the inputs of the units `at` are kept; what lies between is recomputed once, segment by segment.
 * - `schedule`: an explicit list of unit actions, as the rotor dynamic programme yields it.
 */
export type Checkpoints =
  | { readonly kind: "none" }
  | { readonly kind: "uniform"; readonly segments: number }
  | { readonly kind: "boundaries"; readonly at: readonly number[] }
  | { readonly kind: "schedule"; readonly actions: readonly UnitAction[] };

/** The m-hyperparameters of one retraining. `microBatch * accumulation` is the effective batch. */
export interface RetrainConfig {
  readonly microBatch: number;
  readonly accumulation: number;
  readonly freezing: FreezingRates;
  readonly checkpoints: Checkpoints;
}

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
  requirePositiveInteger("microBatch", config.microBatch);
  requirePositiveInteger("accumulation", config.accumulation);
  for (const layerClass of LAYER_CLASSES) requireRate(`freezing.${layerClass}`, config.freezing[layerClass]);
  if (config.checkpoints.kind === "uniform") {
    requirePositiveInteger("checkpoints.segments", config.checkpoints.segments);
  }
  return config;
}

/**
 * Splits an effective batch into micro-batches. Throws `invalid-argument` when the micro-batch does not divide it:
 * a rest would weigh its samples differently.
 */
export function accumulationFor(effectiveBatch: number, microBatch: number): number {
  requirePositiveInteger("batch", effectiveBatch);
  requirePositiveInteger("microBatch", microBatch);
  if (effectiveBatch % microBatch !== 0) {
    throw new MpoError(
      "invalid-argument",
      `microBatch ${microBatch} does not divide the effective batch ${effectiveBatch}`,
      { hint: "Choose a micro-batch that divides the batch, for instance a power of two." },
    );
  }
  return effectiveBatch / microBatch;
}

function requirePositiveInteger(field: string, value: number): void {
  if (!Number.isSafeInteger(value) || value < 1) {
    throw new MpoError("invalid-argument", `${field} is ${value}; expected a whole number of 1 or more`);
  }
}

function requireRate(field: string, value: number): void {
  if (!(value >= 0 && value <= 1)) {
    throw new MpoError("invalid-argument", `${field} is ${value}; expected a rate from 0 to 1`);
  }
}
