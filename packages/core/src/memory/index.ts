export { MemoryLaw } from "./memory-law.ts";
export { peakAt } from "./peak-envelope.ts";
export { type CataloguePlan, PlanCatalogue } from "./plan-catalogue.ts";
export type { UnitCosts, UnitWork } from "./plan-unit.ts";
export { outsidePoolBytes, type PlannedGrowth, poolUse, residentGrowth } from "./resident-memory.ts";
export { placementFor } from "./shared-placements.ts";
export { type HighMoment, highMoments, peakBytesOf, STEP_PHASES } from "./step-moments.ts";
export { UnitCostTable } from "./unit-costs.ts";
export { type WalkedSchedule, walkSchedule } from "./unit-walk.ts";
