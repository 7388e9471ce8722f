import {
  CUT_REASONS,
  type CutReason,
  describeConfig,
  formatBytes,
  formatPoints,
  formatShare,
  type Prediction,
  type SearchResult,
} from "@mpo/core";
import { POLICY_TITLES } from "../policy-outcomes.ts";
import type { PolicyChoice, ReportFacts } from "./report-facts.ts";

const CUT_WORDS: Readonly<Record<CutReason, string>> = {
  policy: "were not allowed by the policy",
  memory: "may need more memory than the limit (by the upper bound)",
  window: "may not finish one step within the window (by the upper bound)",
  dominated: "are no better in memory, time or accuracy than another one",
  "exact-memory": "broke the limit once they were planned exactly",
};

/** Why the chosen config was chosen, one sentence each. */
export function reasonsFor({ result, policies }: ReportFacts): readonly string[] {
  const { best, runnerUp, cuts, candidates, front, objective } = result;
  const plain = policies.find(({ outcome }) => outcome.policy === "fullBatch");
  return [
    `${candidates} configurations were predicted from the profile; none of them had to run. ${front} are left, none of them beaten by another in memory, time and accuracy at once.`,
    ...CUT_REASONS.filter((reason) => cuts[reason] > 0).map((reason) => `${cuts[reason]} ${CUT_WORDS[reason]}.`),
    `Of these it is the best for ${OBJECTIVE_WORDS[objective]}.`,
    ...(plain === undefined ? [] : [besidePlain(best, plain)]),
    ...(runnerUp === undefined ? [] : [besideRunnerUp(best, runnerUp)]),
  ];
}

const OBJECTIVE_WORDS: Readonly<Record<SearchResult["objective"], string>> = {
  accuracy: "accuracy at the window's end; among equals, the fastest",
  memory: "memory, at nearly the best accuracy",
  time: "time, at nearly the best accuracy",
};

function besidePlain(best: Prediction, { outcome, shown }: PolicyChoice): string {
  const memory = shown.memoryBytes.expected / best.memoryBytes.expected;
  const time = shown.stepMs.expected / best.stepMs.expected;
  const fits = "result" in outcome ? "fits too" : "does not fit";
  const speed = time >= 1 ? `${time.toFixed(1)} times as long` : `${(100 * time).toFixed(0)} % of the time`;
  return (
    `The ${POLICY_TITLES.fullBatch} step ${fits}: it needs ${memory.toFixed(1)} times the memory ` +
    `(${formatBytes(shown.memoryBytes.expected)}) and takes ${speed}.`
  );
}

function besideRunnerUp(best: Prediction, other: Prediction): string {
  const points = other.accuracy.expected - best.accuracy.expected;
  return (
    `The runner-up is ${describeConfig(other.config)}: ${formatPoints(100 * points < -0.05 ? points : Math.max(0, points))} points of accuracy, ` +
    `${formatBytes(other.memoryBytes.expected)}, ${other.stepMs.expected.toFixed(0)} ms a step.`
  );
}

/** What became of a policy under the budget, in a few words. */
export function policyVerdict({ outcome, shown }: PolicyChoice): string {
  return "result" in outcome ? formatShare(shown.accuracy.expected) : "does not fit: the model stays as it is";
}
