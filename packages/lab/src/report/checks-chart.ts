import type { ChartProps } from "@mpo/charts";
import type { StepCheck } from "./report-facts.ts";

/** Predicted over measured, on logarithmic scales; a stroke from each prediction up to its bound. */
export function checksChart(
  words: Pick<ChartProps, "title" | "caption">,
  checks: readonly StepCheck[],
  format: (value: number) => string,
  { isBytes }: { readonly isBytes: boolean },
): ChartProps {
  const all = checks.flatMap(({ measured, expected }) => [measured, expected]);
  const ends = checks.length === 0 ? [] : [Math.min(...all), Math.max(...all)];
  const axis = { format, isBytes, isLogarithmic: true };
  return {
    ...words,
    x: { ...axis, title: "measured" },
    y: { ...axis, title: "predicted" },
    series: [
      { name: "as measured", kind: "guide", points: ends.map((value) => [value, value]), colour: "faint" },
      {
        name: "bounds",
        kind: "strokes",
        stretches: checks.map(({ measured, expected, upper }) => [measured, expected, upper]),
        colour: 0,
      },
      {
        name: "steps",
        kind: "dots",
        points: checks.map(({ measured, expected }) => [measured, expected]),
        colour: 0,
      },
    ],
    numbers: {
      caption: "Steps that the probe ran",
      columns: ["Configuration", ...["Predicted", "At most", "Measured"].map((title) => ({ title, isNumber: true }))],
      rows: checks.map(({ config, expected, upper, measured }, index) => ({
        key: `${index}`,
        cells: [config, format(expected), format(upper), format(measured)],
      })),
    },
  };
}
