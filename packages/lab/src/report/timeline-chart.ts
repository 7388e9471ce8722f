import { type ChartSpec, COLORS, PALETTE } from "@mpo/cli";
import { type HighMoment, MIB, STEP_PHASES, type StepPhase } from "@mpo/core";
import type { ReportFacts } from "./report-facts.ts";

interface TimelinePoint {
  /** Share of the micro-batch's instructions that are done, in percent. */
  readonly done: number;
  readonly memory: number;
  readonly phase: StepPhase;
}

/** Memory along one micro-batch of the chosen and of the plain plan, on one scale. */
export function bothTimelinesChart({ chosen, plain, result }: ReportFacts): ChartSpec {
  const series = [
    ...timelinePoints(plain).map((point) => ({ ...point, plan: "plain" })),
    ...timelinePoints(chosen).map((point) => ({ ...point, plan: "chosen" })),
  ];
  const highest = Math.max(...series.map(({ memory }) => memory));
  const limit = result.budget.memoryBytes / MIB;
  return {
    layer: [
      {
        data: { values: series },
        mark: { type: "area", interpolate: "step-after", fillOpacity: 0.35, line: { strokeWidth: 1.5 } },
        encoding: {
          x: DONE,
          y: { ...MEMORY, stack: null },
          color: {
            field: "plan",
            type: "nominal",
            scale: { domain: ["chosen", "plain"], range: [COLORS.joint, COLORS.plain] },
          },
        },
      },
      // A limit far above everything would leave the curves flat.
      {
        data: { values: limit <= 1.5 * highest ? [{ memory: limit }] : [] },
        mark: { type: "rule", strokeDash: [4, 4], color: COLORS.text },
        encoding: { y: MEMORY },
      },
    ],
  };
}

/** The chosen plan alone: what it does when. */
export function chosenTimelineChart({ chosen }: ReportFacts): ChartSpec {
  const points = timelinePoints(chosen);
  const width = 100 / Math.max(1, points.length);
  const shown = STEP_PHASES.filter((phase) => points.some((point) => point.phase === phase));
  return {
    data: { values: points.map((point) => ({ ...point, until: point.done + width })) },
    mark: { type: "rect", opacity: 0.85 },
    encoding: {
      x: DONE,
      x2: { field: "until" },
      y: MEMORY,
      y2: { datum: 0 },
      color: {
        field: "phase",
        type: "nominal",
        scale: { domain: shown, range: shown.map((phase) => PALETTE[STEP_PHASES.indexOf(phase)] as string) },
      },
    },
  };
}

const DONE = {
  field: "done",
  type: "quantitative",
  scale: { domain: [0, 100] as number[], nice: false },
  axis: { title: "instructions of one micro-batch that are done (%)", grid: false },
} as const;
const MEMORY = { field: "memory", type: "quantitative", axis: { title: "memory above idle (MiB)" } } as const;

function timelinePoints(moments: readonly HighMoment[]): readonly TimelinePoint[] {
  return moments.map(({ from, bytes, phase }) => ({ done: 100 * from, memory: bytes / MIB, phase }));
}
