export { frozenParameters, hasEffect, layersOfClass, trainedLayers, valuesWithGradient } from "./freezing.ts";
export { type FixedRates, type FreezingChoice, freezingChoices, hasChoice, trainedBytes } from "./freezing-choices.ts";
export { planStep } from "./plan-step.ts";
export { type CheckpointKind, POLICIES, POLICY_NAMES, type PolicyName, type PolicyRules } from "./policies.ts";
export {
  changesAnything,
  frozenBy,
  prescribedRates,
  requireTrainable,
  withPrescribedRates,
} from "./prescribed-rates.ts";
export { DEFAULT_ROTOR_SLOTS, RotorTable, type RotorUnit } from "./rotor.ts";
export {
  type BackwardInstruction,
  type ForwardInstruction,
  type Instruction,
  readsOf,
  type StepPlan,
  writesOf,
} from "./step-plan.ts";
export { unitSchedule } from "./unit-schedule.ts";
