export { MemoryLaw } from "./memory-law.ts";
export {
  type MemoryTimeline,
  memoryTimeline,
  outsidePoolBytes,
  type PoolUse,
  poolUse,
  residentGrowth,
} from "./memory-timeline.ts";
export { peakAt } from "./peak-envelope.ts";
export { PlanSet, type UnpricedPlan } from "./plan-set.ts";
export type { UnitCosts, UnitPeak, UnitWork } from "./plan-unit.ts";
export { RotorPlacement, rotorUnits } from "./rotor-placement.ts";
export { placementFor } from "./shared-placements.ts";
export { UnitCostTable } from "./unit-costs.ts";
export { type WalkedSchedule, walkSchedule } from "./unit-walk.ts";
