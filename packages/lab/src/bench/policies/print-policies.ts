import type { Terminal } from "@mpo/cli";
import {
  formatBytes,
  formatDuration,
  formatPoints,
  formatShare,
  mean,
  POLICY_NAMES,
  type Profile,
  SECOND_MS,
} from "@mpo/core";
import { printTable } from "../../harness.ts";
import { POLICY_TITLES } from "../../policy-outcomes.ts";
import type { EqualAccuracy, LeastNeeded } from "./equal-accuracy.ts";
import type { MeasuredCell } from "./measured-cell.ts";
import { comparePolicies, type LimitsComparison, type PoliciesSummary } from "./policy-accounting.ts";
import { describeRun } from "./policy-run.ts";

/** Everything that the bench found. */
export interface PoliciesFound {
  readonly profile: Profile;
  readonly corruptions: readonly string[];
  readonly before: readonly number[];
  readonly cells: readonly MeasuredCell[];
  readonly equal: EqualAccuracy;
}

/** What was asked for, as the summary repeats it. */
type PoliciesAsked = Readonly<Record<"weights" | "method", string> & Record<"seed", number>>;

/** Prints everything that was found: for people as tables, for programs as records, a summary last. */
export function printPolicies(found: PoliciesFound, options: PoliciesAsked, terminal: Terminal): void {
  const summary = comparePolicies(found.cells);
  for (const cell of found.cells) terminal.record(cellRecord(cell, found));
  for (const { policy, bytes, seconds } of found.equal.needs) {
    terminal.record({ event: "equal-accuracy", policy, bytes: needed(bytes), seconds: needed(seconds) });
  }
  printCells(found, terminal);
  printComparison(summary, terminal);
  printNeeds(found, terminal);
  printSummary(found, summary, options, terminal);
}

function cellRecord(
  { limits, policy, isAdapted, after, run, because, peakBytes, seconds }: MeasuredCell,
  found: PoliciesFound,
): object {
  return {
    event: "cell",
    ...limits,
    policy,
    isAdapted,
    config: run?.chosen.config ?? null,
    steps: run?.length.steps ?? 0,
    because: because ?? null,
    predicted: run === undefined ? null : { memoryBytes: run.chosen.memoryBytes, stepMs: run.chosen.stepMs },
    accuracyBefore: mean(found.before),
    accuracyAfter: mean(after),
    drifts: found.corruptions.map((corruption, drift) => {
      return { corruption, before: found.before[drift], after: after[drift] };
    }),
    peakBytes,
    seconds,
  };
}

function printCells({ cells, before }: PoliciesFound, terminal: Terminal): void {
  printTable(
    cells,
    [
      ["memory", ({ limits }) => formatBytes(limits.memoryBytes)],
      ["window", ({ limits }) => windowText(limits.windowMs)],
      ["policy", ({ policy }) => POLICY_TITLES[policy]],
      ["accuracy", ({ after }) => formatShare(mean(after))],
      ["points", ({ after }) => formatPoints(mean(after) - mean(before))],
      ["peak", ({ run, peakBytes }) => (run === undefined ? "-" : formatBytes(peakBytes))],
      ["seconds", ({ run, seconds }) => (run === undefined ? "-" : seconds.toFixed(2))],
      [
        "what ran",
        ({ run, because = "" }) => (run === undefined ? `nothing: ${shortened(because)}` : describeRun(run)),
      ],
    ],
    terminal,
  );
}

function printComparison({ pairs }: PoliciesSummary, terminal: Terminal): void {
  const best = ({ policy, accuracy }: LimitsComparison["bestOther"]): string =>
    `${POLICY_TITLES[policy]} ${formatShare(accuracy)}`;
  printTable(
    pairs,
    [
      ["memory", ({ limits }) => formatBytes(limits.memoryBytes)],
      ["window", ({ limits }) => windowText(limits.windowMs)],
      ["binding", ({ isBinding }) => (isBinding ? "yes" : "no")],
      ["joint", ({ joint }) => formatShare(joint)],
      ["best single technique", ({ bestSingle }) => best(bestSingle)],
      ["difference", ({ gainOverSingle }) => formatPoints(gainOverSingle)],
      ["best other policy", ({ bestOther }) => best(bestOther)],
      ["difference", ({ gainOverOther }) => formatPoints(gainOverOther)],
    ],
    terminal,
  );
}

function printNeeds({ equal }: PoliciesFound, terminal: Terminal): void {
  terminal.line(
    `For ${formatShare(equal.accuracy)}, as ${POLICY_TITLES[equal.technique]} reaches under the loosest limits:`,
  );
  printTable(
    equal.needs,
    [
      ["policy", ({ policy }) => POLICY_TITLES[policy]],
      ["least memory", ({ bytes }) => (bytes === undefined ? "not reached" : formatBytes(bytes.amount))],
      ["accuracy", ({ bytes }) => (bytes === undefined ? "-" : formatShare(bytes.accuracy))],
      ["with", ({ bytes }) => (bytes === undefined ? "-" : describeRun(bytes.run))],
      ["least seconds", ({ seconds }) => (seconds === undefined ? "not reached" : seconds.amount.toFixed(2))],
      ["accuracy", ({ seconds }) => (seconds === undefined ? "-" : formatShare(seconds.accuracy))],
      ["with", ({ seconds }) => (seconds === undefined ? "-" : describeRun(seconds.run))],
    ],
    terminal,
  );
}

function printSummary(
  found: PoliciesFound,
  summary: PoliciesSummary,
  options: PoliciesAsked,
  terminal: Terminal,
): void {
  const { equal, profile, before, corruptions } = found;
  const { worstGain, meanGainWhereBinding, meanGainOverTechnique, largestGain, pairs } = summary;
  terminal.record({
    event: "summary",
    ...{ weights: options.weights, method: options.method, seed: options.seed },
    corruptions: corruptions.length,
    accuracyBefore: mean(before),
    pairs: pairs.map(({ gainOverSingleByDrift, ...pair }) => ({
      ...pair,
      gainOverBestSingleByDrift: mean(gainOverSingleByDrift),
      worstDrift: Math.min(...gainOverSingleByDrift),
    })),
    worstGain,
    meanGainWhereBinding: meanGainWhereBinding ?? null,
    meanGainOverTechnique,
    largestGain: largestGain ?? null,
    equalAccuracy: equal.accuracy,
    memoryRatio: equal.memoryRatio ?? null,
    timeRatio: equal.timeRatio ?? null,
    probeSeconds: profile.spent.ms / SECOND_MS,
  });
  terminal.line(
    `joint against the best other policy: at worst ${formatPoints(worstGain)} points; against the best single technique ` +
      `where the plain step does not fit: ${meanGainWhereBinding === undefined ? "-" : formatPoints(meanGainWhereBinding)} on average`,
  );
  for (const policy of POLICY_NAMES) {
    const gain = meanGainOverTechnique[policy];
    if (gain !== undefined) terminal.line(`  against ${POLICY_TITLES[policy]} there: ${formatPoints(gain)} on average`);
  }
  terminal.line(
    `at equal accuracy the plain policy needs ${times(equal.memoryRatio)} the memory and ${times(equal.timeRatio)} the time of joint`,
  );
  const share = profile.spent.ms / SECOND_MS / corruptions.length;
  terminal.line(
    `probing took ${formatDuration(profile.spent.ms / SECOND_MS)}: ${share.toFixed(2)} s were charged to each window`,
  );
}

function needed(least: LeastNeeded | undefined): object | null {
  if (least === undefined) return null;
  const { amount, accuracy, run } = least;
  return { amount, accuracy, config: run.chosen.config, steps: run.length.steps };
}

function times(ratio: number | undefined): string {
  return ratio === undefined ? "? times" : `${ratio.toFixed(1)} times`;
}

function windowText(ms: number): string {
  return `${(ms / SECOND_MS).toFixed(1)} s`;
}

function shortened(text: string): string {
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}
