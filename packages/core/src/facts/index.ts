export { type AffineBytes, addBytes, bytesAt, fixedBytes, NO_BYTES, perSampleBytes } from "./affine-bytes.ts";
export { byWhom } from "./by-whom.ts";
export {
  type Chain,
  type ChainOp,
  type ChainParameter,
  type ChainUnit,
  type ChainValue,
  chainSchema,
  type GradientNeeds,
} from "./chain.ts";
export { closestOf } from "./closest.ts";
export { CONDITION_CODES } from "./condition-codes.ts";
export { describeConfig, describeFreezing, describeRung } from "./describe-config.ts";
export { NOT_ON_A_LINE } from "./expecting.ts";
export { formatBytes } from "./format-bytes.ts";
export {
  counted,
  formatAccuracy,
  formatAge,
  formatDuration,
  formatInterval,
  formatLeft,
  formatMoment,
  formatMs,
  formatPoints,
  formatShare,
} from "./format-figures.ts";
export { formatVersion } from "./format-version.ts";
export { given } from "./given.ts";
export { type Hours, hoursIn, hoursMeet, hoursSchema, isWithinHours, minutesLeft } from "./hours.ts";
export { bytesIn, DURATION_UNITS, msIn, SIZE_UNITS } from "./human-units.ts";
export { LAYER_CLASSES, type LayerClass } from "./layer-classes.ts";
export { MAX_REPEATS, type Measured, measuredSchema } from "./measured.ts";
export {
  ANY_METHOD,
  METHOD_NAMES,
  METHOD_WISHES,
  METHODS_WITHOUT_LABELS,
  type MethodName,
  type MethodWish,
  methodOf,
  SEARCHED_METHODS,
} from "./method-names.ts";
export { NORMS_FILE, REFERENCE_FILE } from "./model-companions.ts";
export {
  hasCode,
  isOutOfMemory,
  MPO_ERROR_CODES,
  MpoError,
  type MpoErrorCode,
} from "./mpo-error.ts";
export { isFileName, isName } from "./names.ts";
export { PAGE_COLOURS } from "./page-colours.ts";
export {
  type AccuracyPrediction,
  type Bounded,
  budgetSchema,
  objectiveSchema,
  type Prediction,
  predictionSchema,
  REASON_LENGTH,
  type SearchBudget,
} from "./prediction.ts";
export {
  type AccuracyJudge,
  type AccuracySample,
  type CostProfile,
  type ExpectedProfile,
  judgeSchema,
  PROFILE_VERSION,
  type Profile,
  profileAgeMs,
  profileSchema,
  type StepMemoryFacts,
  type UnitTimeSample,
  type UpdateSample,
  validateProfile,
} from "./profile.ts";
export { curvesOf, type MethodCurve, methodsOf, ofMethod, stepFacts, withoutCurves } from "./profile-methods.ts";
export { remembered } from "./remembered.ts";
export {
  accumulationFor,
  CHECKPOINT_KINDS,
  type Checkpoints,
  configSchema,
  type FreezingRates,
  MAX_BATCH,
  NOTHING_FROZEN,
  type RetrainConfig,
  resolveRetrainConfig,
  type UnitAction,
  uniformFreezing,
  unitActionSchema,
} from "./retrain-config.ts";
export * as fact from "./schema.ts";
export {
  checked,
  type Fact,
  type Fault,
  faultsIn,
  faultsOf,
  MAX_COUNT,
  MAX_MS,
  MAX_UINT32,
  MESSAGE_LENGTH,
} from "./schema.ts";
export { SEARCH_OBJECTIVES, type SearchObjective } from "./search-objectives.ts";
export {
  COMPILED_KERNEL_BYTES,
  GROWTH_DEVIATION,
  GROWTH_SCATTER,
  LOADING_BYTES,
  MIXED_POOL_FACTOR,
  OUTSIDE_POOL_BYTES,
  PLAN_DEVIATION,
  POOL_ALIGNMENT_BYTES,
  POOL_MOST_WASTED_BYTES,
  POOL_RESERVE,
  POOL_SPARE,
  POOL_THRESHOLD_BYTES,
  WARM_UP_STEPS,
} from "./tensorflow-2.15.ts";
export { isTimeZone } from "./time-zone.ts";
export { USUAL_ADDRESSES } from "./usual-addresses.ts";
