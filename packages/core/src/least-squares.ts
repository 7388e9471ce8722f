/** One observation of a linear law: `target` is about the sum of `features[i] * coefficient[i]`. */
export interface Observation {
  readonly features: readonly number[];
  readonly target: number;
  /** How much it counts; 1 when absent. For relative errors use `1 / target^2`. */
  readonly weight?: number;
}

/** What is believed of one coefficient before any observation. */
export interface CoefficientPrior {
  readonly mean: number;
  /** Strength as the weight of observations: 0 = none. In the units of `weight * feature^2`. */
  readonly strength: number;
  /** The coefficient is never less; `-Infinity`: free. */
  readonly least: number;
}

const SWEEPS = 500;
const TOLERANCE = 1e-12;

/**
 * Weighted least squares with bounds and a Gaussian prior a coefficient, by coordinate descent on the normal equations:
 * exact enough for the handful of coefficients that the cost models have. Deterministic.
 */
export function leastSquares(
  observations: readonly Observation[],
  priors: readonly CoefficientPrior[],
): readonly number[] {
  const size = priors.length;
  const gram = Array.from({ length: size }, () => new Float64Array(size));
  const right = new Float64Array(size);
  for (const { features, target, weight = 1 } of observations) {
    for (let row = 0; row < size; row++) {
      const scaled = weight * (features[row] as number);
      right[row] = (right[row] as number) + scaled * target;
      const gramRow = gram[row] as Float64Array;
      for (let column = 0; column < size; column++) {
        gramRow[column] = (gramRow[column] as number) + scaled * (features[column] as number);
      }
    }
  }
  priors.forEach(({ mean, strength }, index) => {
    const row = gram[index] as Float64Array;
    row[index] = (row[index] as number) + strength;
    right[index] = (right[index] as number) + strength * mean;
  });
  const solution = priors.map(({ mean, least }) => Math.max(mean, least));
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    let change = 0;
    for (let index = 0; index < size; index++) {
      const row = gram[index] as Float64Array;
      const diagonal = row[index] as number;
      if (!(diagonal > 0)) continue;
      let rest = right[index] as number;
      for (let other = 0; other < size; other++) {
        if (other !== index) rest -= (row[other] as number) * (solution[other] as number);
      }
      const next = Math.max(rest / diagonal, (priors[index] as CoefficientPrior).least);
      const previous = solution[index] as number;
      change = Math.max(change, Math.abs(next - previous) / (Math.abs(previous) + Number.MIN_VALUE));
      solution[index] = next;
    }
    if (change < TOLERANCE) break;
  }
  return solution;
}

/** Value of the law at one point. */
export function dot(features: readonly number[], coefficients: readonly number[]): number {
  return features.reduce((sum, feature, index) => sum + feature * (coefficients[index] as number), 0);
}

const HUBER_ROUNDS = 8;
const HUBER_CUTOFF = 1.345;
/** Among fewer none is wilder than the others. */
const LEAST_ROBUST = 3;

/**
 * `leastSquares` that a few wild observations do not move: those further off than the rest count less, by how far
 * (Huber's weights, iterated; the scale is the median absolute residual, but `leastScale` at least: where weights are
 * inverse variances, 1 says that nothing within the expected noise is wild).
 */
export function robustLeastSquares(
  observations: readonly Observation[],
  priors: readonly CoefficientPrior[],
  leastScale: number = 0,
): readonly number[] {
  let solution = leastSquares(observations, priors);
  if (observations.length < LEAST_ROBUST) return solution;
  for (let round = 0; round < HUBER_ROUNDS; round++) {
    const residuals = observations.map(
      ({ features, target, weight = 1 }) => Math.abs(target - dot(features, solution)) * Math.sqrt(weight),
    );
    const sorted = [...residuals].sort((left, right) => left - right);
    const scale = Math.max(leastScale, (sorted[Math.floor(sorted.length / 2)] as number) / 0.6745);
    if (!(scale > 1e-12)) return solution;
    solution = leastSquares(
      observations.map((observation, index) => {
        const distance = (residuals[index] as number) / (HUBER_CUTOFF * scale);
        return { ...observation, weight: (observation.weight ?? 1) / Math.max(1, distance) };
      }),
      priors,
    );
  }
  return solution;
}
