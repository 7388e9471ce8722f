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

/** Of a device that changes later samples say more: each newer one counts this much more (forgetting factor). */
export const FORGETTING = 0.97;

const SWEEPS = 500;
const TOLERANCE = 1e-12;

/**
 * Weighted least squares with bounds and a Gaussian prior a coefficient, on the normal equations: solved directly, and
 * by coordinate descent where a bound holds. Meant for the handful of coefficients that the cost models have.
 * Deterministic.
 */
export function leastSquares(
  observations: readonly Observation[],
  priors: readonly CoefficientPrior[],
): readonly number[] {
  const equations = normalEquations(observations, priors);
  const free = solved(equations);
  if (free?.every((value, index) => value >= priors[index]!.least) === true) return free;
  return descended(equations, priors);
}

/** `gram * solution = right`; row-major. */
interface NormalEquations {
  readonly gram: Float64Array;
  readonly right: Float64Array;
}

function normalEquations(observations: readonly Observation[], priors: readonly CoefficientPrior[]): NormalEquations {
  const size = priors.length;
  const gram = new Float64Array(size * size);
  const right = new Float64Array(size);
  for (const { features, target, weight = 1 } of observations) {
    for (let row = 0; row < size; row++) {
      const scaled = weight * features[row]!;
      right[row]! += scaled * target;
      for (let column = 0; column < size; column++) {
        const at = row * size + column;
        gram[at]! += scaled * features[column]!;
      }
    }
  }
  priors.forEach(({ mean, strength }, index) => {
    const diagonal = index * size + index;
    gram[diagonal]! += strength;
    right[index]! += strength * mean;
  });
  return { gram, right };
}

/** A pivot below this share of its diagonal: the observations do not determine the coefficients. */
const LEAST_PIVOT = 1e-10;

/** Cholesky's way; undefined where the equations have no single solution. */
function solved({ gram, right }: NormalEquations): readonly number[] | undefined {
  const size = right.length;
  const lower = new Float64Array(size * size);
  const solution: number[] = [];
  for (let row = 0; row < size; row++) {
    let value = right[row]!;
    for (let column = 0; column <= row; column++) {
      let sum = gram[row * size + column]!;
      for (let k = 0; k < column; k++) sum -= lower[row * size + k]! * lower[column * size + k]!;
      if (column < row) lower[row * size + column] = sum / lower[column * size + column]!;
      else if (!(sum > LEAST_PIVOT * gram[row * size + row]!)) return undefined;
      else lower[row * size + row] = Math.sqrt(sum);
    }
    for (let k = 0; k < row; k++) value -= lower[row * size + k]! * solution[k]!;
    solution.push(value / lower[row * size + row]!);
  }
  for (let row = size - 1; row >= 0; row--) {
    let value = solution[row]!;
    for (let k = row + 1; k < size; k++) value -= lower[k * size + row]! * solution[k]!;
    solution[row] = value / lower[row * size + row]!;
  }
  return solution;
}

function descended({ gram, right }: NormalEquations, priors: readonly CoefficientPrior[]): readonly number[] {
  const size = priors.length;
  const solution = priors.map(({ mean, least }) => Math.max(mean, least));
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    let change = 0;
    for (let index = 0; index < size; index++) {
      const row = index * size;
      const diagonal = gram[row + index]!;
      if (!(diagonal > 0)) continue;
      let rest = right[index]!;
      for (let other = 0; other < size; other++) {
        if (other !== index) rest -= gram[row + other]! * solution[other]!;
      }
      const next = Math.max(rest / diagonal, priors[index]!.least);
      const previous = solution[index]!;
      change = Math.max(change, Math.abs(next - previous) / (Math.abs(previous) + Number.MIN_VALUE));
      solution[index] = next;
    }
    if (change < TOLERANCE) break;
  }
  return solution;
}

/** Value of the law at one point. */
export function dot(features: readonly number[], coefficients: readonly number[]): number {
  let sum = 0;
  for (let index = 0; index < features.length; index++) {
    sum += features[index]! * coefficients[index]!;
  }
  return sum;
}

const HUBER_ROUNDS = 5;
const HUBER_CUTOFF = 1.345;
/** Among fewer none is wilder than the others. */
const LEAST_ROBUST = 3;

/**
 * `leastSquares` that a few wild observations do not move: those further off than the rest count less, by how far
 * (Huber's weights, iterated; the scale is the median absolute residual).
 */
export function robustLeastSquares(
  observations: readonly Observation[],
  priors: readonly CoefficientPrior[],
): readonly number[] {
  return leastSquares(withoutWild(observations, priors), priors);
}

/**
 * The same observations with the weights at which `robustLeastSquares` arrives. The scale is `leastScale` at least: where
 * weights are inverse variances, 1 says that nothing within the expected noise is wild.
 */
export function withoutWild(
  observations: readonly Observation[],
  priors: readonly CoefficientPrior[],
  leastScale: number = 0,
): readonly Observation[] {
  if (observations.length < LEAST_ROBUST) return observations;
  let weighted = observations;
  for (let round = 0; round < HUBER_ROUNDS; round++) {
    const solution = leastSquares(weighted, priors);
    const residuals = Float64Array.from(
      observations,
      ({ features, target, weight = 1 }) => Math.abs(target - dot(features, solution)) * Math.sqrt(weight),
    );
    const sorted = residuals.slice().sort();
    const scale = Math.max(leastScale, sorted[Math.floor(sorted.length / 2)]! / 0.6745);
    if (!(scale > 1e-12)) return weighted;
    const furthest = HUBER_CUTOFF * scale;
    // Without outliers the first fit is the last.
    if (sorted[sorted.length - 1]! <= furthest) return weighted;
    weighted = observations.map(({ features, target, weight = 1 }, index) => {
      return { features, target, weight: weight / Math.max(1, residuals[index]! / furthest) };
    });
  }
  return weighted;
}
