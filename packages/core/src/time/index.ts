export { type MsCurve, msAt } from "./ms-curve.ts";
export { type StepShape, TimeLaw } from "./time-law.ts";
export { WorkPrices } from "./work-prices.ts";
export { hasKernel } from "./work-rates.ts";
