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
export { frozenParameters, layersOfClass, valuesWithGradient } from "./freezing.ts";
export { type MemoryTimeline, memoryTimeline, residentGrowth, type StepMemoryFacts } from "./memory-timeline.ts";
export { MPO_ERROR_CODES, MpoError, type MpoErrorCode, type MpoErrorOptions } from "./mpo-error.ts";
export { planStep } from "./plan-step.ts";
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
export { type UnitAction, uniformBoundaries, unitSchedule } from "./unit-schedule.ts";
