import { METHOD_NAMES } from "./method-names.ts";
import { configSchema } from "./retrain-config.ts";
import {
  consistent,
  durationMs,
  type Fact,
  flag,
  list,
  MAX_COUNT,
  MAX_MS,
  MAX_WHOLE,
  number,
  object,
  positive,
  share,
  text,
  whole,
  word,
} from "./schema.ts";
import { SEARCH_OBJECTIVES } from "./search-objectives.ts";

/** A predicted number and the bound that it is believed not to pass. */
export type Bounded = Fact<ReturnType<typeof boundedSchema>>;
function boundedSchema(max: number) {
  return consistent(object({ expected: number(0, max), upper: number(0, max) }), ({ expected, upper }, refuse) => {
    if (upper < expected) refuse(["upper"], upper, `at least what is expected, ${expected}`);
  });
}

/** Accuracy at the end of a window, stopping early where it is best. */
export type AccuracyPrediction = Fact<typeof accuracyPredictionSchema>;
const accuracyPredictionSchema = consistent(
  object({
    expected: share(),
    /** Two standard deviations below and above. */
    lower: share(),
    upper: share(),
    /** Steps after which training is best stopped. */
    steps: whole(0, MAX_COUNT),
    /** Nothing was measured, neither here nor on other devices: only an order to try things in. */
    isGuess: flag(),
  }),
  ({ expected, lower, upper }, refuse) => {
    if (lower > expected) refuse(["lower"], lower, `at most what is expected, ${expected}`);
    if (upper < expected) refuse(["upper"], upper, `at least what is expected, ${expected}`);
  },
);

/** What a device may spend now. */
export type SearchBudget = Fact<typeof budgetSchema>;
export const budgetSchema = object({
  /** Bytes above the idle process. */
  memoryBytes: whole(1),
  /** Wall time of the retraining. */
  windowMs: positive(MAX_MS),
});

export const objectiveSchema = word(SEARCH_OBJECTIVES);

/** Things that a prediction may be wrong about. */
const MAX_UNKNOWNS = 8;
/** Characters of a reason. */
export const REASON_LENGTH = 256;

/** A config with everything that is predicted of it in a window: a rung, where it is one of a ladder. */
export type Prediction = Fact<typeof predictionSchema>;
export const predictionSchema = object({
  config: configSchema,
  memoryBytes: boundedSchema(MAX_WHOLE),
  stepMs: boundedSchema(MAX_MS),
  /** Time of the window outside its steps: starting, loading, labelling, judging, writing. */
  overheadMs: durationMs(),
  /** Steps that fit the rest of the window. */
  stepsInWindow: whole(0, MAX_COUNT),
  accuracy: accuracyPredictionSchema,
  /** Time until it stops. */
  trainingMs: durationMs(),
  /** What the prediction has not seen. */
  unknowns: list(text(1, REASON_LENGTH), 0, MAX_UNKNOWNS),
  /** The method that it is for, where several were searched; absent: the only one. */
  method: word(METHOD_NAMES).optional(),
});
