import type { ChartProps, Point } from "@mpo/charts";
import { formatBytes, type HighMoment, peakBytesOf, STEP_PHASES } from "@mpo/core";
import type { ReportFacts } from "./report-facts.ts";

/** Memory along one micro-batch of the chosen and of the plain plan, on one scale. */
export function bothTimelinesChart({ chosen, plain, result }: ReportFacts): ChartProps {
  return {
    title: "Memory along a step: chosen and plain",
    caption: `What is in memory during each instruction of the two plans; peaks ${formatBytes(peakBytesOf(chosen) ?? 0)} against ${formatBytes(peakBytesOf(plain) ?? 0)}.`,
    x: DONE,
    y: MEMORY,
    series: [
      { name: "chosen", colour: 0, kind: "steps", isFilled: true, points: chosen.map(pointOf) },
      { name: "plain", colour: 1, kind: "steps", isFilled: true, points: plain.map(pointOf) },
    ],
    limit: { axis: "y", at: result.budget.memoryBytes, name: "limit" },
    numbers: phaseNumbers({ chosen, plain }),
  };
}

/** The chosen plan alone: what it does when. */
export function chosenTimelineChart({ chosen }: ReportFacts): ChartProps {
  const ends = chosen.map((_, index) => 100 * (chosen[index + 1]?.from ?? 1));
  return {
    title: "Memory along a step: the chosen plan alone",
    caption:
      "What the plan does when, and what it holds meanwhile. A process grows by somewhat more: by kernels, and by what " +
      "the allocator cannot fill.",
    x: DONE,
    y: MEMORY,
    series: STEP_PHASES.map((name, colour) => ({
      name,
      colour,
      kind: "boxes" as const,
      boxes: chosen.flatMap(({ from, bytes, phase }, index) =>
        phase === name ? [{ from: 100 * from, to: ends[index] ?? 100, low: 0, high: bytes }] : [],
      ),
    })).filter(({ boxes }) => boxes.length > 0),
    numbers: phaseNumbers({ chosen }),
  };
}

const DONE = {
  title: "instructions of one micro-batch that are done, %",
  format: String,
  fromZero: true,
} as const;
const MEMORY = {
  title: "memory above idle",
  format: (value: number) => formatBytes(value),
  isBytes: true,
  fromZero: true,
} as const;

function pointOf({ from, bytes }: HighMoment): Point {
  return [100 * from, bytes];
}

function phaseNumbers(plans: Readonly<Record<string, readonly HighMoment[]>>): ChartProps["numbers"] {
  return {
    caption: "Highest memory of each phase",
    columns: ["Phase", ...Object.keys(plans).map((title) => ({ title, isNumber: true }))],
    rows: STEP_PHASES.map((phase) => ({
      key: phase,
      cells: [
        phase,
        ...Object.values(plans).map((moments) => {
          const bytes = peakBytesOf(moments, phase);
          return bytes === undefined ? "–" : formatBytes(bytes);
        }),
      ],
    })),
  };
}
