import { MpoError, type Prediction, type SearchObjective } from "../facts/index.ts";
import type { MethodName } from "../plan/index.ts";
import { chooseRungs, MAX_RUNGS, orderedLadder, SAME_ACCURACY } from "./ladder.ts";
import { TOLERANCE } from "./rank-candidates.ts";
import type { SearchResult } from "./search-result.ts";

/** A prediction, and the method that it is of. */
export interface MethodPrediction extends Prediction {
  readonly method: MethodName;
}

/** A search over methods: candidates are all of them with all configs of each. */
export interface MethodSearch {
  readonly best: MethodPrediction;
  /** Cheapest memory first, each better for the objective than all before it; methods may differ. `best` is the last. */
  readonly ladder: readonly MethodPrediction[];
  /** What each method alone would have brought, the best for the objective first. */
  readonly methods: readonly MethodPrediction[];
}

/**
 * Joins the searches of several methods under one budget into one. A method whose accuracy was not measured is left out
 * where that of another was: a guess is no reason to prefer it. Throws `invalid-argument` for none.
 */
export function searchMethods(results: ReadonlyMap<MethodName, SearchResult>): MethodSearch {
  const all = [...results].map(([method, { best }]) => ({ ...best, method }));
  const measured = all.filter(({ accuracy }) => !accuracy.isGuess);
  const candidates = measured.length > 0 ? measured : all;
  const [first] = results.values();
  if (first === undefined) throw new MpoError("invalid-argument", "no method to choose from");
  const methods = ranked(candidates, first.objective);
  const best = methods[0]!;
  const rungs = candidates
    .flatMap(({ method }) => results.get(method)!.ladder.map((rung): MethodPrediction => ({ ...rung, method })))
    .filter(({ memoryBytes }) => memoryBytes.upper < best.memoryBytes.upper)
    .sort((left, right) => left.memoryBytes.upper - right.memoryBytes.upper);
  const steps = rungs.map(({ memoryBytes, stepMs, accuracy }, candidate) => ({
    ...{ candidate, memoryBytes: memoryBytes.upper, stepMs: stepMs.expected, gain: accuracy.expected },
  }));
  const below = chooseRungs(steps, first.objective, MAX_RUNGS - 1)
    .map(({ candidate }) => rungs[candidate]!)
    .filter(({ accuracy }) => first.objective !== "accuracy" || accuracy.expected <= best.accuracy.expected);
  return { best, ladder: orderedLadder(below, best), methods };
}

function ranked(candidates: readonly MethodPrediction[], objective: SearchObjective): readonly MethodPrediction[] {
  const target = Math.max(...candidates.map(({ accuracy }) => accuracy.expected)) - TOLERANCE;
  const cost = ({ memoryBytes, trainingMs }: MethodPrediction): number =>
    objective === "memory" ? memoryBytes.expected : trainingMs;
  const isEnough = ({ accuracy }: MethodPrediction): boolean => accuracy.expected >= target;
  return candidates.toSorted((left, right) => {
    if (objective !== "accuracy" && isEnough(left) && isEnough(right)) return cost(left) - cost(right);
    const difference = right.accuracy.expected - left.accuracy.expected;
    return Math.abs(difference) > SAME_ACCURACY ? difference : left.trainingMs - right.trainingMs;
  });
}
