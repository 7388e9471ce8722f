import type { Terminal } from "@mpo/cli";
import {
  formatBytes,
  formatDuration,
  formatPoints,
  formatShare,
  type MethodName,
  mean,
  type Profile,
  SECOND_MS,
} from "@mpo/core";
import { printTable } from "../../harness.ts";
import { CONTENDER_NAMES, CONTENDER_TITLES } from "./contenders.ts";
import { type EqualCell, type EqualSummary, type Needed, summariseEqual } from "./equal-accuracy.ts";
import type { MeasuredCell } from "./measured-cell.ts";
import {
  byLimits,
  comparePolicies,
  type Limits,
  type LimitsComparison,
  type PoliciesSummary,
} from "./policy-accounting.ts";
import { describeRun } from "./policy-run.ts";

/** Everything that the bench found of one method. */
export interface PoliciesFound {
  readonly profile: Profile;
  /** Windows that share the cost of the probe. */
  readonly windows: number;
  readonly corruptions: readonly string[];
  readonly before: readonly number[];
  readonly cells: readonly MeasuredCell[];
  readonly equal: readonly EqualCell[];
}

/** What was asked for, as the summary repeats it. */
interface PoliciesAsked {
  readonly weights: string;
  readonly method: MethodName;
  readonly seed: number;
}

/** Prints everything that was found: for people as tables, for programs as records, a summary last. */
export function printPolicies(found: PoliciesFound, asked: PoliciesAsked, terminal: Terminal): void {
  const { method } = asked;
  const summary = comparePolicies(found.cells);
  const equal = summariseEqual(found.equal);
  for (const cell of found.cells) terminal.record({ ...cellRecord(cell, found), method });
  for (const cell of found.equal) terminal.record({ event: "equal-accuracy", method, ...equalRecord(cell) });
  printCells(found, terminal);
  printGrid(found, terminal);
  printComparison(summary, terminal);
  printEqual(equal, summary, terminal);
  printSummary(found, { summary, equal }, asked, terminal);
}

function cellRecord({ limits, policy, isAdapted, after, ran, because }: MeasuredCell, found: PoliciesFound): object {
  const [best] = ran;
  return {
    event: "cell",
    ...limits,
    policy,
    isAdapted,
    config: best?.run.chosen.config ?? null,
    steps: best?.run.length.steps ?? 0,
    because: because ?? null,
    predicted: best === undefined ? null : { memoryBytes: best.run.chosen.memoryBytes, stepMs: best.run.chosen.stepMs },
    accuracyBefore: mean(found.before),
    accuracyAfter: mean(after),
    drifts: found.corruptions.map((corruption, drift) => {
      return { corruption, before: found.before[drift], after: after[drift] };
    }),
    peakBytes: best?.peakBytes ?? 0,
    seconds: best?.seconds ?? 0,
    lengths: ran.map(({ run, after: accuracies, seconds }) => {
      return { steps: run.length.steps, accuracy: mean(accuracies), seconds };
    }),
  };
}

function equalRecord({ limits, policy, accuracy, memory, time, timeWithProbe }: EqualCell): object {
  const of = ({ other, joint }: Needed): object => ({ other, joint: joint ?? null });
  return { ...limits, policy, accuracy, memory: of(memory), time: of(time), timeWithProbe: of(timeWithProbe) };
}

function printCells({ cells, before }: PoliciesFound, terminal: Terminal): void {
  printTable(
    cells,
    [
      ["memory", ({ limits }) => formatBytes(limits.memoryBytes)],
      ["window", ({ limits }) => windowText(limits)],
      ["policy", ({ policy }) => CONTENDER_TITLES[policy]],
      ["accuracy", ({ after }) => formatShare(mean(after))],
      ["points", ({ after }) => formatPoints(mean(after) - mean(before))],
      ["peak", ({ ran: [best] }) => (best === undefined ? "-" : formatBytes(best.peakBytes))],
      ["seconds", ({ ran: [best] }) => best?.seconds.toFixed(2) ?? "-"],
      [
        "what ran",
        ({ ran: [best], because = "" }) =>
          best === undefined ? `nothing: ${shortened(because)}` : describeRun(best.run),
      ],
    ],
    terminal,
  );
}

/** Accuracy of each contender, one column for each pair of limits; `-`: the model stays as it is. */
function printGrid({ cells }: PoliciesFound, terminal: Terminal): void {
  const groups = byLimits(cells);
  const heads = groups.map(([cell]): string => {
    const { limits } = cell as MeasuredCell;
    return `${formatBytes(limits.memoryBytes)}, ${windowText(limits)}`;
  });
  printTable(
    CONTENDER_NAMES,
    [
      ["accuracy", (name) => CONTENDER_TITLES[name]],
      ...heads.map((head, index) => {
        const of = (name: MeasuredCell["policy"]): MeasuredCell | undefined =>
          groups[index]?.find(({ policy }) => policy === name);
        const text = (name: MeasuredCell["policy"]): string => {
          const cell = of(name);
          return cell?.isAdapted === true ? formatShare(mean(cell.after)) : "-";
        };
        return [head, text] as const;
      }),
    ],
    terminal,
  );
}

function printComparison({ pairs }: PoliciesSummary, terminal: Terminal): void {
  const best = ({ policy, accuracy }: LimitsComparison["bestPublished" | "bestOther"]): string =>
    `${CONTENDER_TITLES[policy]} ${formatShare(accuracy)}`;
  printTable(
    pairs,
    [
      ["memory", ({ limits }) => formatBytes(limits.memoryBytes)],
      ["window", ({ limits }) => windowText(limits)],
      ["binding", ({ isBinding }) => (isBinding ? "yes" : "no")],
      ["joint", ({ joint }) => formatShare(joint)],
      ["best published rule", ({ bestPublished }) => best(bestPublished)],
      ["difference", ({ gainOverPublished }) => formatPoints(gainOverPublished)],
      ["best other search", ({ bestOther }) => best(bestOther)],
      ["difference", ({ gainOverOther }) => formatPoints(gainOverOther)],
    ],
    terminal,
  );
}

/** Each contender against the joint policy: where limits bind, and at equal accuracy under the same limits. */
function printEqual(equal: readonly EqualSummary[], { meanGainOver }: PoliciesSummary, terminal: Terminal): void {
  printTable(
    equal,
    [
      ["joint against", ({ policy }) => CONTENDER_TITLES[policy]],
      [
        "points where limits bind",
        ({ policy }) => {
          const gain = meanGainOver[policy];
          return gain === undefined ? "-" : formatPoints(gain);
        },
      ],
      ["memory", ({ memoryRatio }) => times(memoryRatio)],
      ["reached", ({ memoryReached, cells }) => `${memoryReached} of ${cells}`],
      ["time", ({ timeRatio }) => times(timeRatio)],
      ["with the probe", ({ timeWithProbeRatio }) => times(timeWithProbeRatio)],
      ["reached", ({ timeReached, cells }) => `${timeReached} of ${cells}`],
    ],
    terminal,
  );
}

function printSummary(
  { profile, windows, before, corruptions }: PoliciesFound,
  { summary, equal }: { readonly summary: PoliciesSummary; readonly equal: readonly EqualSummary[] },
  { weights, method, seed }: PoliciesAsked,
  terminal: Terminal,
): void {
  const { pairs, bindingPairs, worstGain, meanGainWhereBinding, meanGainOverPublished, largestGain } = summary;
  const probeSeconds = profile.spent.ms / SECOND_MS;
  terminal.record({
    event: "summary",
    ...{ weights, method, seed },
    corruptions: corruptions.length,
    accuracyBefore: mean(before),
    pairs: pairs.map(({ gainOverSingleByDrift, ...pair }) => ({
      ...pair,
      gainOverBestSingleByDrift: mean(gainOverSingleByDrift),
      worstDrift: Math.min(...gainOverSingleByDrift),
    })),
    bindingPairs,
    worstGain,
    meanGainWhereBinding: meanGainWhereBinding ?? null,
    meanGainOverPublished: meanGainOverPublished ?? null,
    meanGainOver: summary.meanGainOver,
    largestGain: largestGain ?? null,
    equal,
    probeSeconds,
    windowsPerProbe: windows,
  });
  const points = (gain: number | undefined): string => (gain === undefined ? "-" : formatPoints(gain));
  terminal.line(
    `${method}: joint against the best other search: at worst ${formatPoints(worstGain)} points. Where the plain step does ` +
      `not fit (${bindingPairs} of ${pairs.length} limits), on average: against the best published rule ` +
      `${points(meanGainOverPublished)}, against the best single technique that is searched ${points(meanGainWhereBinding)}`,
  );
  const share = (probeSeconds / windows).toFixed(2);
  terminal.line(
    `probing took ${formatDuration(probeSeconds)}: ${share} s were charged to each window of a search, nothing to published rules`,
  );
}

function times(ratio: number | undefined): string {
  return ratio === undefined ? "-" : `1/${ratio.toFixed(1)}`;
}

function windowText({ windowMs }: Limits): string {
  return `${(windowMs / SECOND_MS).toFixed(1)} s`;
}

function shortened(text: string): string {
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}
