import { budgetSchema, type Fact, fact, MAX_UINT32, objectiveSchema, predictionSchema, STEP_PHASES } from "@mpo/core";
import { explanation } from "./admin.ts";
import { deviceIdentity } from "./device.ts";
import { MAX_REASONS, reason } from "./document.ts";

const { durationMs, list, name, object, share, text, whole, word } = fact;

/** Asks what a search would find on a stored profile. Nothing is changed, and no device is asked. */
export const tryBudgetRequest = object({
  identity: deviceIdentity,
  model: name(),
  /** Absent: that of its newest document for the model, else the policy's. */
  budget: budgetSchema.optional(),
  objective: objectiveSchema.optional(),
});

/** One of the configurations that were looked at, for a picture. */
export type TriedConfig = Fact<typeof triedConfig>;
const triedConfig = object({
  memoryBytes: whole(),
  stepMs: durationMs(),
  accuracy: share(),
  /** The code of what cut it; absent: nothing is better in all three. */
  cut: name().optional(),
});

/** The best that was found with micro-batches of one size; where none fits, the one that needs least. */
export type MicroBatchFound = Fact<typeof microBatchFound>;
const microBatchFound = object({
  microBatch: whole(1, MAX_UINT32),
  configs: whole(0, MAX_UINT32),
  /** Within the budget and the policy. */
  fitting: whole(0, MAX_UINT32),
  memoryBytes: whole(),
  stepMs: durationMs(),
  accuracy: share(),
  /** In words, what cut it; absent: it fits. */
  because: text(1, 1_024).optional(),
});
/** More sizes than a batch has divisors. */
const MAX_SIZES = 64;

/** How much memory is in use at a moment of a step, above the idle process. */
export type StepMoment = Fact<typeof stepMoment>;
const stepMoment = object({ phase: word(STEP_PHASES), bytes: whole() });

/** Moments of one micro-batch, each the highest of several instructions. */
export const MAX_MOMENTS = 300;
const moments = list(stepMoment, 0, MAX_MOMENTS);
export const MAX_TRIED = 600;

/** What would be chosen, and from what. */
export const tryBudgetResponse = object({
  budget: budgetSchema,
  objective: objectiveSchema,
  rungs: list(predictionSchema, 1, 64),
  reasons: list(reason, 0, MAX_REASONS),
  explanation,
  /** How many configurations each reason has cut. */
  cuts: list(object({ code: name(), configs: whole(0, MAX_UINT32) }), 0, 16),
  /** Of the front, and of the others evenly chosen ones. */
  tried: list(triedConfig, 0, MAX_TRIED),
  /** Of a micro-batch of the chosen configuration. */
  chosenMemory: moments,
  /** Of a step of the same batch that keeps everything and freezes nothing. */
  plainMemory: moments,
  /** The smallest first. */
  microBatches: list(microBatchFound, 0, MAX_SIZES),
});
