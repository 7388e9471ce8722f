import type { Axis, ChartProps, Series } from "@mpo/charts";
import { formatBytes, formatMs, formatShare, type PolicyName } from "@mpo/core";
import type { ReportFacts } from "./report-facts.ts";

/** What stands on the upright axis: of what is predicted for the end of a window. */
interface Upright {
  readonly axis: Axis;
  readonly of: (accuracy: number, stepMs: number) => number;
}

/** Accuracy over memory: the candidates, those in the front, what each policy chose, and the limit. */
export function accuracyFrontChart(facts: ReportFacts): ChartProps {
  const caption =
    "Every configuration as predicted: faint ones are cut, small blue ones are beaten by no other in memory, time " +
    "and accuracy at once, large signs are what each policy chooses. Right of the limit: it does not fit.";
  const axis = { title: "accuracy", format: (value: number) => `${Math.round(1000 * value) / 10} %` };
  return frontChart("Accuracy over memory", caption, facts, { axis, of: (accuracy) => accuracy });
}

/** Time of a step over memory, alike. */
export function timeFrontChart(facts: ReportFacts): ChartProps {
  const caption = "The same configurations by the time of a step: less memory is bought with time.";
  const axis = { title: "time of a step", format: formatMs, isLogarithmic: true };
  return frontChart("Time over memory", caption, facts, { axis, of: (_, stepMs) => stepMs });
}

function frontChart(
  title: string,
  caption: string,
  { candidates, policies, result }: ReportFacts,
  { axis, of }: Upright,
): ChartProps {
  const those = (isFront: boolean): Pick<Series & { kind: "dots" }, "points" | "kind" | "isSmall"> => ({
    kind: "dots",
    isSmall: true,
    points: candidates
      .filter((candidate) => candidate.isFront === isFront)
      .map(({ memoryBytes, accuracy, stepMs }) => [memoryBytes, of(accuracy, stepMs)]),
  });
  const chosen = policies.map(({ outcome, shown }) => ({
    name: LEGEND[outcome.policy],
    verdict: "result" in outcome ? "chosen" : "does not fit",
    colour: ORDER.indexOf(outcome.policy),
    shown,
  }));
  return {
    title,
    caption,
    x: { title: "memory that a step adds", format: (value) => formatBytes(value), isBytes: true, isLogarithmic: true },
    y: axis,
    series: [
      { name: "cut", colour: "faint", ...those(false) },
      { name: "beaten by none", colour: 0, ...those(true) },
      ...chosen.map(({ name, colour, shown: { memoryBytes, accuracy, stepMs } }): Series => {
        const points = [[memoryBytes.expected, of(accuracy.expected, stepMs.expected)]] as const;
        return { name, colour, kind: "dots", isStrong: true, points };
      }),
    ],
    limit: { axis: "x", at: result.budget.memoryBytes, name: "limit" },
    numbers: {
      caption: "What each policy chooses",
      columns: ["Policy", ...["Memory", "Step", "Accuracy"].map((one) => ({ title: one, isNumber: true })), "Verdict"],
      rows: chosen.map(({ name, verdict, shown: { memoryBytes, stepMs, accuracy } }) => ({
        key: name,
        cells: [
          name,
          formatBytes(memoryBytes.expected),
          formatMs(stepMs.expected),
          formatShare(accuracy.expected),
          verdict,
        ],
      })),
    },
  };
}

const LEGEND: Readonly<Record<PolicyName, string>> = {
  joint: "joint",
  fullBatch: "plain",
  microBatch: "micro-batch",
  freezing: "freezing",
  checkpointing: "checkpoints",
  microBatchAndCheckpointing: "micro-batch and checkpoints",
};
/** Colours and forms of the policies, in this order. */
const ORDER: readonly string[] = Object.keys(LEGEND);
