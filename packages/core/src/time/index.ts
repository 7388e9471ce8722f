export { type MsCurve, msAt } from "./ms-curve.ts";
export { fitUnitTimes } from "./unit-times.ts";
export { WorkPrices } from "./work-prices.ts";
export {
  amountOf,
  DEFAULT_RATES,
  fitRates,
  hasKernel,
  ratedMs,
  type WorkRates,
  withoutKernelGradients,
} from "./work-rates.ts";
