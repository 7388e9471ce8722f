import { type ChartSpec, PALETTE } from "@mpo/cli";
import type { ReportFacts } from "./report-facts.ts";

const DRAWN_POINTS = 60;
/** How far past the last look a curve is drawn. */
const LOOK_AHEAD = 2;

/** Measured accuracies along the micro-windows, and the curves fitted to them with two deviations to either side. */
export function curvesChart({ curves, planner }: ReportFacts): ChartSpec {
  const names = [...new Set(curves.map(({ name }) => name))];
  const last = Math.max(1, ...curves.flatMap(({ sample }) => sample.points.map(({ steps }) => steps)));
  const start = planner.accuracy.startAccuracy;
  const seen = curves.flatMap(({ name, sample }) => [
    { name, steps: 0, accuracy: 100 * sample.startAccuracy },
    ...sample.points.map(({ steps, accuracy }) => ({ name, steps, accuracy: 100 * accuracy })),
  ]);
  const fitted = names.flatMap((name) => {
    const { sample } = curves.find((curve) => curve.name === name) as (typeof curves)[number];
    const curve = planner.accuracy.curve(sample.freezing, sample.microBatch);
    return Array.from({ length: DRAWN_POINTS + 1 }, (_, index) => {
      const steps = (LOOK_AHEAD * last * index) / DRAWN_POINTS;
      const { gain, deviation } = curve.at(steps);
      const [accuracy, lower, upper] = [0, -2, 2].map((times) => within(start + gain + times * deviation));
      return { name, steps, accuracy, lower, upper };
    });
  });
  const x = { field: "steps", type: "quantitative", axis: { title: "training steps", grid: false } } as const;
  const y = {
    field: "accuracy",
    type: "quantitative",
    scale: { zero: false },
    axis: { title: "accuracy as judged (%)" },
  } as const;
  const color = {
    field: "name",
    type: "nominal",
    scale: { domain: names, range: names.map((_, index) => PALETTE[index % PALETTE.length] as string) },
    legend: { columns: 1 },
  } as const;
  return {
    layer: [
      {
        data: { values: fitted },
        mark: { type: "area", opacity: 0.1 },
        encoding: { x, y: { ...y, field: "lower" }, y2: { field: "upper" }, color },
      },
      { data: { values: fitted }, mark: { type: "line", strokeWidth: 2 }, encoding: { x, y, color } },
      {
        data: { values: seen },
        mark: { type: "point", filled: true, size: 36, opacity: 1 },
        encoding: { x, y, color },
      },
    ],
  };
}

function within(accuracy: number): number {
  return 100 * Math.min(1, Math.max(0, accuracy));
}
