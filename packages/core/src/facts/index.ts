export { type AffineBytes, addBytes, bytesAt, fixedBytes, NO_BYTES, perSampleBytes } from "./affine-bytes.ts";
export {
  type Chain,
  type ChainOp,
  type ChainParameter,
  type ChainUnit,
  type ChainValue,
  type GradientNeeds,
  LAYER_CLASSES,
  type LayerClass,
} from "./chain.ts";
export { describeConfig } from "./describe-config.ts";
export { FieldReader, invalid } from "./field-check.ts";
export { formatBytes } from "./format-bytes.ts";
export { given } from "./given.ts";
export { isOutOfMemory, MPO_ERROR_CODES, MpoError, type MpoErrorCode, type MpoErrorOptions } from "./mpo-error.ts";
export {
  type AccuracyJudge,
  type AccuracySample,
  type CostProfile,
  PROFILE_VERSION,
  type Profile,
  profileAgeMs,
  type StepMemoryFacts,
  type StepSample,
  type UnitTimeSample,
  type UpdateSample,
} from "./profile.ts";
export {
  accumulationFor,
  type Checkpoints,
  type FreezingRates,
  NOTHING_FROZEN,
  type RetrainConfig,
  resolveRetrainConfig,
  type UnitAction,
  uniformFreezing,
} from "./retrain-config.ts";
export {
  COMPILED_KERNEL_BYTES,
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
export { type ExpectedProfile, validateProfile } from "./validate-profile.ts";
