import type { ProfileDocument } from "@mpo/cli";
import {
  type AccuracySample,
  type Cut,
  describeConfig,
  describeFreezing,
  type HighMoment,
  highMoments,
  type Planner,
  type Prediction,
  plannerOf,
  type RetrainConfig,
  type SearchBudget,
  type SearchObjective,
  type SearchResult,
  typical,
} from "@mpo/core";
import { type PolicyOutcome, searchPolicies } from "../policy-outcomes.ts";

/** A candidate as a picture shows it. */
export interface CandidatePoint {
  readonly memoryBytes: number;
  readonly stepMs: number;
  /** At the end of the window, 0 to 1. */
  readonly accuracy: number;
  readonly isFront: boolean;
  readonly config: string;
}

/** What one policy chose; or, where nothing fits, what it would choose if memory and time were no matter. */
export interface PolicyChoice {
  readonly outcome: PolicyOutcome;
  readonly shown: Prediction;
}

/** One measured step with its prediction. */
export interface StepCheck {
  readonly config: string;
  readonly measured: number;
  readonly expected: number;
  readonly upper: number;
}

/** One measured learning curve. */
export interface CurveFacts {
  readonly name: string;
  readonly sample: AccuracySample;
}

/** Everything that a report shows. */
export interface ReportFacts {
  readonly document: ProfileDocument;
  readonly planner: Planner;
  readonly result: SearchResult;
  readonly policies: readonly PolicyChoice[];
  readonly candidates: readonly CandidatePoint[];
  /** Memory along a micro-batch. */
  readonly chosen: readonly HighMoment[];
  readonly plain: readonly HighMoment[];
  readonly memoryChecks: readonly StepCheck[];
  readonly timeChecks: readonly StepCheck[];
  readonly curves: readonly CurveFacts[];
}

/** Candidates of a picture that are in no front, at most: more are a blot. */
const MOST_CUT_POINTS = 400;
/** Of a curve of memory. */
const MOST_MOMENTS = 300;
const BOUNDLESS: SearchBudget = { memoryBytes: Number.MAX_SAFE_INTEGER, windowMs: Number.MAX_SAFE_INTEGER };

/** Searches a profile and gathers what is to be shown. Throws `over-budget` when nothing fits. */
export function gatherReport(document: ProfileDocument, budget: SearchBudget, objective: SearchObjective): ReportFacts {
  const { profile, chain } = document;
  const planner = plannerOf(profile, chain);
  const result = planner.search(budget, { objective });
  const boundless = searchPolicies(planner, { ...BOUNDLESS, windowMs: budget.windowMs }, objective);
  const timeless = searchPolicies(planner, BOUNDLESS, objective);
  const policies = searchPolicies(planner, budget, objective).flatMap((outcome, index): PolicyChoice[] => {
    const found = [outcome, boundless[index], timeless[index]].find((one) => one !== undefined && "result" in one);
    return found !== undefined && "result" in found ? [{ outcome, shown: found.result.best }] : [];
  });
  const planned = (config: RetrainConfig): readonly HighMoment[] =>
    highMoments(chain, config, profile.memoryFacts, MOST_MOMENTS);
  const plain = policies.find(({ outcome }) => outcome.policy === "fullBatch");
  return {
    document,
    planner,
    result,
    policies,
    candidates: candidatePoints(result),
    chosen: planned(result.best.config),
    plain: planned((plain?.shown ?? result.best).config),
    ...stepChecks(document, planner),
    curves: profile.accuracy.map((sample) => ({ name: curveName(sample, profile.model.hasBatchStatistics), sample })),
  };
}

function candidatePoints(result: SearchResult): readonly CandidatePoint[] {
  const front: CandidatePoint[] = [];
  const others: CandidatePoint[] = [];
  const every = Math.max(1, Math.floor((result.candidates - result.front) / MOST_CUT_POINTS));
  let seen = 0;
  result.forEach((prediction: Prediction, cut: Cut | undefined) => {
    if (cut !== undefined && seen++ % every !== 0) return;
    (cut === undefined ? front : others).push({
      memoryBytes: prediction.memoryBytes.expected,
      stepMs: prediction.stepMs.expected,
      accuracy: prediction.accuracy.expected,
      isFront: cut === undefined,
      config: describeConfig(prediction.config),
    });
  });
  return [...others, ...front];
}

function stepChecks(
  { profile }: ProfileDocument,
  { costs }: Planner,
): Pick<ReportFacts, "memoryChecks" | "timeChecks"> {
  const memoryChecks: StepCheck[] = [];
  const timeChecks: StepCheck[] = [];
  for (const { config, peakBytes, stepMs } of profile.steps) {
    const predicted = costs.predict(config);
    const name = describeConfig(config);
    if (peakBytes !== undefined) memoryChecks.push({ config: name, measured: peakBytes, ...predicted.memoryBytes });
    timeChecks.push({ config: name, measured: typical(stepMs), ...predicted.stepMs });
  }
  return { memoryChecks, timeChecks };
}

function curveName({ freezing, microBatch }: AccuracySample, hasBatchStatistics: boolean): string {
  const frozen = describeFreezing(freezing);
  return hasBatchStatistics ? `${frozen}, micro-batch ${microBatch}` : frozen;
}
