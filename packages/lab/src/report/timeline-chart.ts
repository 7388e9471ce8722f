import { type ChartSpec, COLORS, PALETTE } from "@mpo/cli";
import { type Instruction, MIB } from "@mpo/core";
import type { PlannedMemory, ReportFacts } from "./report-facts.ts";

/** Points of one curve at most; each stands for the highest of several instructions. */
const MOST_POINTS = 300;

const PHASES = ["forward", "loss", "recompute", "backward", "parameters"] as const;
type Phase = (typeof PHASES)[number];

interface TimelinePoint {
  /** Share of the micro-batch's instructions that are done, in percent. */
  readonly done: number;
  readonly memory: number;
  readonly phase: Phase;
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
  const shown = PHASES.filter((phase) => points.some((point) => point.phase === phase));
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
        scale: { domain: shown, range: shown.map((phase) => PALETTE[PHASES.indexOf(phase)] as string) },
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

/** The highest of each run of instructions. */
function timelinePoints({ plan, timeline }: PlannedMemory): readonly TimelinePoint[] {
  const { bytesDuring } = timeline;
  const each = Math.max(1, Math.ceil(bytesDuring.length / MOST_POINTS));
  const points: TimelinePoint[] = [];
  for (let from = 0; from < bytesDuring.length; from += each) {
    const run = bytesDuring.slice(from, from + each);
    const bytes = Math.max(...run);
    const instruction = plan.microStep[from + run.indexOf(bytes)] as Instruction;
    points.push({ done: (100 * from) / bytesDuring.length, memory: bytes / MIB, phase: phaseOf(instruction) });
  }
  return points;
}

const PHASE_OF: Readonly<Record<Instruction["kind"], Phase>> = {
  forward: "forward",
  loss: "loss",
  backward: "backward",
  addGradients: "backward",
  update: "parameters",
  accumulate: "parameters",
};

function phaseOf(instruction: Instruction): Phase {
  const isRecompute = instruction.kind === "forward" && instruction.isRecompute;
  return isRecompute ? "recompute" : PHASE_OF[instruction.kind];
}
