import type { ChartProps, Series } from "@mpo/charts";
import { formatShare } from "@mpo/core";
import type { CurveFacts, ReportFacts } from "./report-facts.ts";

const DRAWN_POINTS = 60;
/** How far past the last look a curve is drawn. */
const LOOK_AHEAD = 2;

/** Measured accuracies along the micro-windows, and the curves fitted to them with two deviations to either side. */
export function curvesChart(facts: ReportFacts): ChartProps {
  const { curves } = facts;
  const names = [...new Set(curves.map(({ name }) => name))];
  return {
    title: "Learning curves",
    caption:
      curves.length === 0
        ? "No accuracy was measured: gains are a guess. Probe with --dataset to measure them."
        : "Accuracy as it was judged in micro-windows (marks), and the curves fitted to it with two deviations to " +
          "either side.",
    x: { title: "training steps", format: String, isWhole: true, fromZero: true },
    y: { title: "accuracy as judged", format: (value) => `${Math.round(1000 * value) / 10} %` },
    series: names.flatMap((name, colour) => seriesOf(name, colour, facts)),
    numbers: {
      caption: "Accuracy along the micro-windows",
      columns: ["Curve", { title: "Steps", isNumber: true }, { title: "Accuracy", isNumber: true }],
      rows: curves.flatMap(({ name, sample }, curve) =>
        pointsOf(sample).map(([steps, accuracy]) => ({
          key: `${curve}-${steps}`,
          cells: [name, steps, formatShare(accuracy)],
        })),
      ),
    },
  };
}

function seriesOf(name: string, colour: number, { curves, planner }: ReportFacts): readonly Series[] {
  const own = curves.filter((curve) => curve.name === name);
  const { sample } = own[0] as CurveFacts;
  const last = Math.max(1, ...curves.flatMap((curve) => curve.sample.points.map(({ steps }) => steps)));
  const start = planner.accuracy.startAccuracy;
  const curve = planner.accuracy.curve(sample.freezing, sample.microBatch);
  const fitted = Array.from({ length: DRAWN_POINTS + 1 }, (_, index) => {
    const steps = (LOOK_AHEAD * last * index) / DRAWN_POINTS;
    const { gain, deviation } = curve.at(steps);
    return { steps, at: (times: number) => Math.min(1, Math.max(0, start + gain + times * deviation)) };
  });
  return [
    { name, colour, kind: "band", stretches: fitted.map(({ steps, at }) => [steps, at(-2), at(2)]) },
    { name, colour, kind: "dots", points: own.flatMap((one) => pointsOf(one.sample)) },
    { name, colour, kind: "line", points: fitted.map(({ steps, at }) => [steps, at(0)]) },
  ];
}

function pointsOf({ startAccuracy, points }: CurveFacts["sample"]): readonly (readonly [number, number])[] {
  return [[0, startAccuracy], ...points.map(({ steps, accuracy }) => [steps, accuracy] as const)];
}
