export { AccuracyModel, type AccuracyOptions, type AccuracyPrediction } from "./accuracy-model.ts";
export { type AffineBytes, addBytes, bytesAt, fixedBytes, NO_BYTES, perSampleBytes } from "./affine-bytes.ts";
export { type CandidateOptions, CandidateTable } from "./candidate-table.ts";
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
export {
  type CollapseLimits,
  type CollapseState,
  type CollapseVerdict,
  DEFAULT_COLLAPSE_LIMITS,
  NO_COLLAPSE,
  watchForCollapse,
} from "./collapse-guard.ts";
export { DEFAULT_MISS_RATE, type UpperMargin, upperMargin } from "./conformal.ts";
export { type Bounded, CostModel, HEAP_BYTES, type StepPrediction, type StepShape } from "./cost-model.ts";
export { describeConfig } from "./describe-config.ts";
export { FieldReader, invalid, type NumberRange } from "./field-check.ts";
export { frozenParameters, layersOfClass, valuesWithGradient } from "./freezing.ts";
export { type FixedRates, type FreezingChoice, freezingChoices, hasChoice, trainedBytes } from "./freezing-choices.ts";
export {
  aettaAccuracy,
  entropy,
  meanPrediction,
  type Probabilities,
  smoothedEstimate,
} from "./label-free.ts";
export { rungFor } from "./ladder.ts";
export { fitLearningCurve, type GainObservation, type GainPrediction, LearningCurve } from "./learning-curve.ts";
export {
  type MemoryTimeline,
  memoryTimeline,
  outsidePoolBytes,
  type PoolUse,
  poolUse,
  residentGrowth,
  type StepMemoryFacts,
  WARM_UP_STEPS,
} from "./memory-timeline.ts";
export { MPO_ERROR_CODES, MpoError, type MpoErrorCode, type MpoErrorOptions } from "./mpo-error.ts";
export { type MsCurve, msAt } from "./ms-curve.ts";
export { hasDrifted, MAX_STEP_SAMPLES, observe, type WindowObservation } from "./online-correction.ts";
export { type CataloguePlan, PlanCatalogue } from "./plan-catalogue.ts";
export { planStep } from "./plan-step.ts";
export type { UnitCosts, UnitPeak, UnitWork } from "./plan-unit.ts";
export { type CheckpointKind, POLICIES, POLICY_NAMES, type PolicyName, type PolicyRules } from "./policies.ts";
export { POOL_THRESHOLD_BYTES } from "./pool-allocator.ts";
export { prescribedRates, withPrescribedRates } from "./prescribed-rates.ts";
export {
  type AccuracyJudge,
  type AccuracySample,
  PROFILE_VERSION,
  type Profile,
  probingShare,
  profileAgeMs,
  type StepSample,
  type UnitTimeSample,
  type UpdateSample,
} from "./profile.ts";
export {
  accumulationFor,
  type Checkpoints,
  DEFAULT_EFFECTIVE_BATCH,
  type FreezingRates,
  NOTHING_FROZEN,
  type RetrainConfig,
  resolveRetrainConfig,
  uniformFreezing,
} from "./retrain-config.ts";
export { median, outliers, quantile, relativeSpread, typical } from "./robust-statistics.ts";
export { DEFAULT_ROTOR_SLOTS, RotorTable, type RotorUnit } from "./rotor.ts";
export { RotorPlacement, rotorUnits } from "./rotor-placement.ts";
export { type SearchOptions, search } from "./search.ts";
export {
  CUT_REASONS,
  type Cut,
  type CutReason,
  type Prediction,
  type SearchBudget,
  type SearchObjective,
  type SearchResult,
} from "./search-result.ts";
export {
  type AddGradientsInstruction,
  type BackwardInstruction,
  type ForwardInstruction,
  type Instruction,
  type LossInstruction,
  type ParameterInstruction,
  type PlannedTensor,
  readsOf,
  type StepPlan,
  writesOf,
} from "./step-plan.ts";
export {
  type HalvingCandidate,
  type HalvingPlan,
  type HalvingRound,
  nextRound,
  planHalving,
} from "./successive-halving.ts";
export { UnitCostTable } from "./unit-costs.ts";
export { type UnitAction, uniformBoundaries, unitSchedule } from "./unit-schedule.ts";
export { type WalkedSchedule, walkSchedule } from "./unit-walk.ts";
export { type ExpectedProfile, validateProfile } from "./validate-profile.ts";
export { WorkPrices } from "./work-prices.ts";
export { hasKernel } from "./work-rates.ts";
