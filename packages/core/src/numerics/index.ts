export { DEFAULT_MISS_RATE, upperMargin } from "./conformal.ts";
export { halfToNumber, LARGEST_HALF, numberToHalf } from "./half-float.ts";
export { fillKnapsack } from "./knapsack.ts";
export {
  type CoefficientPrior,
  dot,
  FORGETTING,
  leastSquares,
  type Observation,
  robustLeastSquares,
  withoutWild,
} from "./least-squares.ts";
export { ParetoFront } from "./pareto-front.ts";
export { powersOfTwo } from "./powers-of-two.ts";
export { risingValues } from "./rising-values.ts";
export { mean, median, ordinary, quantile, relativeSpread, typical } from "./robust-statistics.ts";
export { studentQuantile } from "./student-quantile.ts";
export { GIB, MIB, SECOND_MS } from "./units.ts";
