import { type MethodName, MpoError, type Prediction, type SearchObjective } from "../facts/index.ts";
import { chooseRungs, MAX_RUNGS, orderedLadder, SAME_ACCURACY } from "./ladder.ts";
import { TOLERANCE } from "./rank-candidates.ts";
import { CUT_REASONS, type Cut, type CutReason, type SearchResult } from "./search-result.ts";

/** A prediction, and the method that it is of. */
export interface MethodPrediction extends Prediction {
  readonly method: MethodName;
}

/**
 * A search over methods: candidates are all of them with all configs of each. What of one method is beaten by another's is
 * still in the front.
 */
export interface MethodSearch extends SearchResult {
  readonly best: MethodPrediction;
  readonly runnerUp: MethodPrediction | undefined;
  /** Methods of its rungs may differ. */
  readonly ladder: readonly MethodPrediction[];
  /** What each method alone would have brought, the best for the objective first. */
  readonly methods: readonly MethodPrediction[];
  readonly forEach: (visit: (prediction: MethodPrediction, cut: Cut | undefined) => void) => void;
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
  const { budget, objective } = first;
  const methods = ranked(candidates, objective);
  const best = methods[0]!;
  const { runnerUp: own } = results.get(best.method)!;
  const next = [...(own === undefined ? [] : [{ ...own, method: best.method }]), ...methods.slice(1)];
  return {
    ...{ best, methods, budget, objective },
    runnerUp: ranked(next, objective)[0],
    ladder: ladderOf(results, candidates, best, objective),
    ...counted([...results.values()]),
    forEach: (visit) => {
      for (const [method, { forEach }] of results) forEach((prediction, cut) => visit({ ...prediction, method }, cut));
    },
  };
}

function ladderOf(
  results: ReadonlyMap<MethodName, SearchResult>,
  candidates: readonly MethodPrediction[],
  best: MethodPrediction,
  objective: SearchObjective,
): readonly MethodPrediction[] {
  const rungs = candidates
    .flatMap(({ method }) => results.get(method)!.ladder.map((rung): MethodPrediction => ({ ...rung, method })))
    .filter(({ memoryBytes }) => memoryBytes.upper < best.memoryBytes.upper)
    .sort((left, right) => left.memoryBytes.upper - right.memoryBytes.upper);
  const steps = rungs.map(({ memoryBytes, stepMs, accuracy }, candidate) => ({
    ...{ candidate, memoryBytes: memoryBytes.upper, stepMs: stepMs.expected, gain: accuracy.expected },
  }));
  const below = chooseRungs(steps, objective, MAX_RUNGS - 1)
    .map(({ candidate }) => rungs[candidate]!)
    .filter(({ accuracy }) => objective !== "accuracy" || accuracy.expected <= best.accuracy.expected);
  return orderedLadder(below, best);
}

function counted(results: readonly SearchResult[]): Pick<SearchResult, "candidates" | "front" | "cuts"> {
  const sum = (count: (result: SearchResult) => number): number =>
    results.reduce((total, result) => total + count(result), 0);
  const cuts = CUT_REASONS.map((reason) => [reason, sum((result) => result.cuts[reason])] as const);
  return {
    candidates: sum(({ candidates }) => candidates),
    front: sum(({ front }) => front),
    cuts: Object.fromEntries(cuts) as Record<CutReason, number>,
  };
}

function ranked(candidates: readonly MethodPrediction[], objective: SearchObjective): readonly MethodPrediction[] {
  const slack = objective === "accuracy" ? SAME_ACCURACY : TOLERANCE;
  const least = Math.max(...candidates.map(({ accuracy }) => accuracy.expected)) - slack;
  const isEnough = ({ accuracy }: MethodPrediction): boolean => accuracy.expected >= least;
  const cost = ({ memoryBytes, trainingMs }: MethodPrediction): number =>
    objective === "memory" ? memoryBytes.expected : trainingMs;
  return [
    ...candidates.filter(isEnough).toSorted((left, right) => cost(left) - cost(right)),
    ...candidates
      .filter((each) => !isEnough(each))
      .toSorted((left, right) => right.accuracy.expected - left.accuracy.expected),
  ];
}
