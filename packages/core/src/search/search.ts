import { type Bounded, type Prediction, remembered, type SearchBudget, type SearchObjective } from "../facts/index.ts";
import type { CataloguePlan } from "../memory/index.ts";
import { ParetoFront } from "../numerics/index.ts";
import { POLICIES, type PolicyName } from "../plan/index.ts";
import { allowedBy } from "./allowed-candidates.ts";
import type { CandidateTable } from "./candidate-table.ts";
import { becauseOf } from "./cut-words.ts";
import { chooseRungs, MAX_RUNGS, orderedLadder, SAME_ACCURACY } from "./ladder.ts";
import { checkBudget, type ExactCandidate, nothingFits } from "./nothing-fits.ts";
import { predictionOf } from "./prediction.ts";
import { type RankingRule, rankedCandidates } from "./rank-candidates.ts";
import type { Cut, CutReason, SearchResult } from "./search-result.ts";

export interface SearchOptions {
  readonly objective?: SearchObjective;
  /** Default: the joint policy. */
  readonly policy?: PolicyName;
  /** Part of the window that is not for its steps, see `windowOverheadMs`. Default: none. */
  readonly overheadMs?: number;
}

/**
 * Chooses the config for a budget: cuts what breaks it (by upper bounds) or what something else beats in memory, time and
 * accuracy; takes the best of the rest for the objective; places its checkpoints again for exactly this budget. What is
 * chosen was checked by planning it, not by the faster estimate. Throws `over-budget`, naming the least that would do,
 * when nothing fits the memory or no step fits the window.
 */
export function search(table: CandidateTable, budget: SearchBudget, options: SearchOptions = {}): SearchResult {
  checkBudget(budget);
  return new Search(table, budget, options).run();
}

/** One walk over the candidates under one budget. */
class Search {
  readonly #table: CandidateTable;
  readonly #budget: SearchBudget;
  readonly #objective: SearchObjective;
  readonly #overheadMs: number;
  /** What of the window is left for steps. */
  readonly #trainingMs: number;
  readonly #rule: RankingRule;
  readonly #allowed: (candidate: number) => boolean;
  /** By candidate; undefined: in the front. */
  readonly #cut: (CutReason | undefined)[];
  readonly #dominator: Int32Array;
  /** Accuracy gained by the end of the window. */
  readonly #gain: Float64Array;

  constructor(table: CandidateTable, budget: SearchBudget, options: SearchOptions) {
    this.#table = table;
    this.#budget = budget;
    this.#objective = options.objective ?? "accuracy";
    this.#overheadMs = options.overheadMs ?? 0;
    this.#trainingMs = budget.windowMs - this.#overheadMs;
    this.#allowed = allowedBy(POLICIES[options.policy ?? "joint"], table);
    this.#cut = new Array<CutReason | undefined>(table.count).fill(undefined);
    this.#dominator = new Int32Array(table.count).fill(-1);
    this.#gain = new Float64Array(table.count);
    this.#rule = { objective: this.#objective, gain: this.#gain };
  }

  run(): SearchResult {
    let fitting = this.#cutByBudget();
    let isWidened = false;
    for (;;) {
      const front = this.#cutDominated(fitting);
      const ranked = rankedCandidates(this.#table, front, this.#rule);
      const [candidate] = ranked;
      if (candidate === undefined) {
        fitting = this.#exactlyFitting();
        continue;
      }
      const best = this.#refined(candidate);
      if (best !== undefined) {
        const more = isWidened ? [] : this.#estimatedTooHigh(this.#gain[candidate]!);
        if (more.length === 0) return this.#result(front, ranked, candidate, best);
        isWidened = true;
        const all = new Set([...fitting, ...more]);
        fitting = [...this.#table.byMemory].filter((one) => all.has(one));
        continue;
      }
      // What the best one hid may be the best now; what would break the budget by as much is not tried one by one.
      fitting = this.#cutLike(candidate, fitting);
    }
  }

  #result(front: readonly number[], ranked: readonly number[], candidate: number, best: Prediction): SearchResult {
    const runnerUp = ranked.find((other) => !this.#isAlike(other, candidate));
    return {
      best,
      runnerUp: runnerUp === undefined ? undefined : this.#rough(runnerUp),
      ladder: this.#ladder(front, best),
      budget: this.#budget,
      objective: this.#objective,
      candidates: this.#table.count,
      front: front.length,
      cuts: this.#cutCounts(),
      forEach: (visit) => this.#forEach(visit),
    };
  }

  /**
   * Cuts a candidate that broke the budget when it was planned, and those of its micro-batch that would by the same factor.
   * How far the estimate is off hangs on the micro-batch: what breaks the budget at one says nothing of another.
   */
  #cutLike(failed: number, fitting: readonly number[]): readonly number[] {
    const { memoryUpper } = this.#table;
    const microBatch = this.#table.microBatch(failed);
    const exact = this.#table.exactMemory(this.#table.plan(failed), microBatch);
    const factor = exact.upper / memoryUpper[failed]!;
    return fitting.filter((candidate) => {
      const isLike =
        this.#table.microBatch(candidate) === microBatch && memoryUpper[candidate]! * factor > this.#budget.memoryBytes;
      const isCut = candidate === failed || isLike;
      this.#cut[candidate] = isCut ? "exact-memory" : undefined;
      return !isCut;
    });
  }

  #cutByBudget(): readonly number[] {
    const { memoryUpper, stepMsUpper, byMemory } = this.#table;
    const { memoryBytes } = this.#budget;
    const windowMs = this.#trainingMs;
    const fitting: number[] = [];
    for (const candidate of byMemory) {
      if (!this.#allowed(candidate)) this.#cut[candidate] = "policy";
      else if (memoryUpper[candidate]! > memoryBytes) this.#cut[candidate] = "memory";
      else if (stepMsUpper[candidate]! > windowMs) this.#cut[candidate] = "window";
      else fitting.push(candidate);
    }
    this.#noteGains(fitting);
    return fitting;
  }

  #noteGains(fitting: readonly number[]): void {
    for (const candidate of fitting) {
      const steps = Math.floor(this.#trainingMs / this.#table.stepMsExpected[candidate]!);
      this.#gain[candidate] = this.#table.curve(candidate).bestWithin(steps).gain;
    }
  }

  /** The fast estimate has an error, so the smallest are planned exactly first. Throws `over-budget`. */
  #exactlyFitting(): readonly number[] {
    const smallest = this.#smallest();
    const fitting = smallest
      .filter(({ upper }) => upper <= this.#budget.memoryBytes)
      .map(({ candidate }) => candidate)
      .filter((candidate) => this.#table.stepMsUpper[candidate]! <= this.#trainingMs);
    if (fitting.length === 0) {
      throw nothingFits(
        this.#table,
        { ...this.#budget, windowMs: this.#trainingMs },
        [...this.#table.byMemory].filter(this.#allowed),
        smallest,
      );
    }
    for (const candidate of fitting) this.#cut[candidate] = undefined;
    this.#noteGains(fitting);
    return fitting;
  }

  /**
   * Candidates a little above the budget by the estimate that promise more than `gain`, and fit as far as the smallest of
   * their micro-batch tells when it is planned. Without them a policy that may do more could choose worse: where nothing
   * fits by the estimate, the smallest are planned anyway.
   */
  #estimatedTooHigh(gain: number): readonly number[] {
    const { memoryUpper, stepMsUpper, byMemory } = this.#table;
    const { memoryBytes } = this.#budget;
    const near = [...byMemory].filter(
      (candidate) =>
        this.#cut[candidate] === "memory" &&
        memoryUpper[candidate]! <= MOST_TOO_HIGH * memoryBytes &&
        stepMsUpper[candidate]! <= this.#trainingMs,
    );
    this.#noteGains(near);
    const factors = new Map<number, number>();
    const fitting = near.filter((candidate) => {
      if (this.#gain[candidate]! <= gain + SAME_ACCURACY) return false;
      const microBatch = this.#table.microBatch(candidate);
      const factor = remembered(factors, microBatch, () => {
        return this.#table.exactMemory(this.#table.plan(candidate), microBatch).upper / memoryUpper[candidate]!;
      });
      return factor * memoryUpper[candidate]! <= memoryBytes;
    });
    for (const candidate of fitting) this.#cut[candidate] = undefined;
    return fitting;
  }

  /** Allowed candidates of the least memory by the estimate, with their exact bound, by rising memory. */
  #smallest(): readonly ExactCandidate[] {
    const table = this.#table;
    return [...table.byMemory]
      .filter(this.#allowed)
      .slice(0, MAX_SMALLEST)
      .map((candidate) => ({
        candidate,
        upper: table.exactMemory(table.plan(candidate), table.microBatch(candidate)).upper,
      }));
  }

  /** In order of rising memory, so that whatever dominates a candidate has been seen before it. */
  #cutDominated(fitting: readonly number[]): readonly number[] {
    const { stepMsExpected } = this.#table;
    const staircase = new ParetoFront();
    return fitting.filter((candidate) => {
      const dominator = staircase.add(candidate, stepMsExpected[candidate]!, this.#gain[candidate]!);
      if (dominator === undefined) return true;
      this.#cut[candidate] = "dominated";
      this.#dominator[candidate] = dominator;
      return false;
    });
  }

  /** The fastest placement of the same freezing and micro-batch that fits; for the memory objective, the one chosen. */
  #refined(candidate: number): Prediction | undefined {
    const table = this.#table;
    const microBatch = table.microBatch(candidate);
    const own = table.plan(candidate);
    const plans =
      own.kind === "optimal" && this.#objective !== "memory"
        ? [...table.catalogue.placements(own.choice)]
            .filter((plan) => table.roughMemory(plan, microBatch).upper <= this.#budget.memoryBytes)
            .map((plan) => ({ plan, ms: table.stepMs(plan, microBatch).expected }))
            .sort((left, right) => left.ms - right.ms)
            .map(({ plan }) => plan)
            .slice(0, MAX_REFINEMENTS)
        : [];
    for (const plan of [...plans, own]) {
      const memory = table.exactMemory(plan, microBatch);
      if (memory.upper <= this.#budget.memoryBytes) return this.#prediction(plan, microBatch, memory);
    }
    return undefined;
  }

  #ladder(front: readonly number[], best: Prediction): readonly Prediction[] {
    const { memoryExpected, stepMsExpected } = this.#table;
    const steps = front
      .map((candidate) => ({
        candidate,
        memoryBytes: memoryExpected[candidate]!,
        stepMs: stepMsExpected[candidate]!,
        gain: this.#gain[candidate]!,
      }))
      .filter(({ memoryBytes }) => memoryBytes < best.memoryBytes.expected);
    const below = chooseRungs(steps, this.#objective, MAX_RUNGS - 1).map(({ candidate }) =>
      this.#prediction(this.#table.plan(candidate), this.#table.microBatch(candidate)),
    );
    return orderedLadder(below, best);
  }

  #isAlike(left: number, right: number): boolean {
    const table = this.#table;
    return table.plan(left).choice === table.plan(right).choice && table.microBatch(left) === table.microBatch(right);
  }

  #rough(candidate: number): Prediction {
    return this.#prediction(this.#table.plan(candidate), this.#table.microBatch(candidate), {
      expected: this.#table.memoryExpected[candidate]!,
      upper: this.#table.memoryUpper[candidate]!,
    });
  }

  #prediction(plan: CataloguePlan, microBatch: number, memory?: Bounded): Prediction {
    const table = this.#table;
    const memoryBytes = memory ?? table.exactMemory(plan, microBatch);
    const config = table.config(plan, microBatch);
    const step = { memoryBytes, stepMs: table.stepMs(plan, microBatch), unknowns: table.model.unknowns(config) };
    const { windowMs } = this.#budget;
    return predictionOf(config, step, { accuracy: table.accuracy, windowMs, overheadMs: this.#overheadMs });
  }

  #cutCounts(): Readonly<Record<CutReason, number>> {
    const counts: Record<CutReason, number> = { policy: 0, memory: 0, window: 0, dominated: 0, "exact-memory": 0 };
    for (const reason of this.#cut) if (reason !== undefined) counts[reason] += 1;
    return counts;
  }

  #forEach(visit: (prediction: Prediction, cut: Cut | undefined) => void): void {
    for (let candidate = 0; candidate < this.#table.count; candidate++) {
      const prediction = this.#rough(candidate);
      visit(prediction, this.#cutOf(candidate, prediction));
    }
  }

  #cutOf(candidate: number, prediction: Prediction): Cut | undefined {
    const reason = this.#cut[candidate];
    if (reason === undefined) return undefined;
    const dominator = reason === "dominated" ? this.#rough(this.#dominator[candidate]!) : undefined;
    const { memoryBytes } = this.#budget;
    return { reason, because: becauseOf(reason, prediction, { memoryBytes, windowMs: this.#trainingMs, dominator }) };
  }
}

/** Candidates of the least memory that are planned exactly before reporting that nothing fits. */
const MAX_SMALLEST = 8;
/** An estimate that is this many times what is planned was never seen. */
const MOST_TOO_HIGH = 1.5;
/** Placements that are planned exactly, at most, before the coarser one is taken. */
const MAX_REFINEMENTS = 2;
