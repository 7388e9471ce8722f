import {
  type Cut,
  describeRung,
  formatShare,
  MAX_MS,
  type MethodName,
  type MethodPlanners,
  type MethodPrediction,
  type MethodSearch,
  MpoError,
  type Prediction,
  REASON_LENGTH,
  type RetrainConfig,
  type SearchBudget,
  type SearchObjective,
  type SearchResult,
  searchPlanners,
  withPrescribedRates,
} from "@mpo/core";
import { asLine, type Reason, type RejectedRung } from "@mpo/protocol";

/** The part of a document that a search decides, and why it is so. */
export interface PlannedLadder {
  readonly rungs: readonly Prediction[];
  readonly chosenRung: number;
  readonly reasons: readonly Reason[];
  readonly considered: number;
  readonly overBudget: number;
  readonly rejected: readonly RejectedRung[];
  /** What each method alone would bring, the best first; absent: there was only one. */
  readonly methods?: readonly Prediction[] | undefined;
}

export interface LadderRequest {
  readonly budget: SearchBudget;
  readonly objective: SearchObjective;
  /** Part of the window that is not for its steps. */
  readonly overheadMs: number;
  /** Methods that may be chosen; absent: all that the profile knows of. */
  readonly methods?: readonly MethodName[] | undefined;
}

const MAX_REJECTED = 12;

/** The search for a ladder. Throws `over-budget` when nothing fits. */
export function searchedFor(planners: MethodPlanners, { budget, ...options }: LadderRequest): MethodSearch {
  return searchPlanners(planners, budget, options);
}

/** The ladder that a search has found. */
export function foundLadder(result: MethodSearch): PlannedLadder {
  const { budget, objective, cuts, candidates, front, ladder: rungs, methods } = result;
  return {
    rungs,
    // The best is the last; a device with less memory at the moment goes down from there on its own.
    chosenRung: rungs.length - 1,
    reasons: [
      reason("objective", `best ${objective} within ${mebibytes(budget.memoryBytes)} and ${seconds(budget.windowMs)}`),
      reason(
        "cuts",
        `${candidates} configurations: ${cuts.memory + cuts["exact-memory"]} over the memory, ${cuts.window} over the window, ${cuts.dominated} beaten by others, ${front} left`,
      ),
      reason("best", `${describeRung(result.best)}: ${predicted(result.best)}`),
      ...(methods.length < 2
        ? []
        : [reason("methods", `accuracy by each alone: ${methods.map(broughtBy).join(", ")}`)]),
      ...unknownsOf(result.best),
    ],
    considered: candidates,
    overBudget: cuts.memory + cuts["exact-memory"] + cuts.window,
    rejected: nearest(result),
    ...(methods.length < 2 ? {} : { methods }),
  };
}

/** The one configuration that a person wants, with its predictions. Throws `invalid-argument` if the model cannot run it. */
export function givenRung(planners: MethodPlanners, config: RetrainConfig, request: LadderRequest): PlannedLadder {
  const [method, planner] = [...planners].find(([one]) => request.methods?.includes(one) !== false) ?? [];
  if (method === undefined || planner === undefined) throw new MpoError("invalid-argument", "no method to run it by");
  const { windowMs } = request.budget;
  const rung = { ...planner.predict(withPrescribedRates(config, method), windowMs, request.overheadMs), method };
  const { memoryBytes, stepMs } = rung;
  if (stepMs.upper > MAX_MS) {
    throw new MpoError("over-budget", `a step may take ${seconds(stepMs.upper)}; at most a week is possible`);
  }
  const isOver = memoryBytes.upper > request.budget.memoryBytes || stepMs.upper > request.budget.windowMs;
  const warning = reason(
    "over-budget",
    `it may need ${mebibytes(memoryBytes.upper)} of ${mebibytes(request.budget.memoryBytes)} and ${seconds(stepMs.upper)} a step`,
  );
  return {
    rungs: [rung],
    chosenRung: 0,
    reasons: [reason("given", `${describeRung(rung)}: ${predicted(rung)}`), ...(isOver ? [warning] : [])],
    considered: 1,
    overBudget: isOver ? 1 : 0,
    rejected: [],
  };
}

/** No rung: nobody knows yet what the model takes on the device. It is put in use, and measured there. */
export function unmeasuredLadder(name: string): PlannedLadder {
  const reasons = [reason("unmeasured", `the device has not measured ${name}: it fetches, serves and probes it first`)];
  return { rungs: [], chosenRung: 0, reasons, considered: 0, overBudget: 0, rejected: [] };
}

/** A reason, cut to what a document holds. */
export function reason(code: string, text: string): Reason {
  return { code, text: asLine(text, REASON_LENGTH) };
}

/** Those not chosen that come nearest to it: the runner-up, then the most accurate that broke the budget. */
function nearest(result: SearchResult): readonly RejectedRung[] {
  const cut: { readonly prediction: Prediction; readonly cut: Cut }[] = [];
  const least = (): number => Math.min(...cut.map(({ prediction }) => prediction.accuracy.expected));
  result.forEach((prediction, why) => {
    if (why === undefined || why.reason === "dominated" || why.reason === "policy") return;
    if (prediction.stepMs.upper > MAX_MS) return;
    if (cut.length >= 4 * MAX_REJECTED && prediction.accuracy.expected <= least()) return;
    cut.push({ prediction, cut: why });
    if (cut.length < 8 * MAX_REJECTED) return;
    cut.sort(byAccuracy).splice(4 * MAX_REJECTED);
  });
  const runnerUp =
    result.runnerUp === undefined
      ? []
      : [{ rung: result.runnerUp, reason: reason("runner-up", "the next best of those that fit") }];
  const broken = cut
    .sort(byAccuracy)
    .slice(0, MAX_REJECTED - runnerUp.length)
    .map(({ prediction, cut: why }) => ({ rung: prediction, reason: reason(why.reason, why.because) }));
  return [...runnerUp, ...broken];
}

function byAccuracy(left: { readonly prediction: Prediction }, right: { readonly prediction: Prediction }): number {
  return (
    right.prediction.accuracy.expected - left.prediction.accuracy.expected ||
    left.prediction.memoryBytes.upper - right.prediction.memoryBytes.upper
  );
}

function unknownsOf({ unknowns }: Prediction): readonly Reason[] {
  return unknowns.slice(0, 4).map((text) => reason("unknown", text));
}

function predicted({ memoryBytes, stepMs, accuracy }: Prediction): string {
  return `${mebibytes(memoryBytes.upper)} at most, ${Math.round(stepMs.expected)} ms a step, ${accuracy.isGuess ? "accuracy not measured yet" : `accuracy ${accuracy.expected.toFixed(3)}`}`;
}

function broughtBy({ method, accuracy }: MethodPrediction): string {
  return accuracy.isGuess ? `${method} not measured` : `${method} ${formatShare(accuracy.expected)}`;
}

function mebibytes(bytes: number): string {
  return `${Math.round(bytes / 2 ** 20)} MiB`;
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

/** Whose report a ladder was searched with; none: with nobody's. */
export function measuredBy(report: string | undefined): readonly Reason[] {
  return report === undefined ? [] : [reason("profile", `measured by report ${report}`)];
}
