import { type ChartSpec, COLORS } from "@mpo/cli";
import type { StepCheck } from "./report-facts.ts";

/** Predicted over measured, on logarithmic scales; a stroke from each prediction up to its bound. */
export function checksChart(
  checks: readonly StepCheck[],
  unit: { readonly of: number; readonly name: string },
): ChartSpec {
  const points = checks.map(({ config, measured, expected, upper }) => {
    return { config, measured: measured / unit.of, expected: expected / unit.of, upper: upper / unit.of };
  });
  const all = points.flatMap(({ measured, expected, upper }) => [measured, expected, upper]);
  const domain = [Math.min(...all) / MARGIN, Math.max(...all) * MARGIN];
  const scale = { type: "log", domain, nice: false } as const;
  const axis = (title: string) => ({ title: `${title} (${unit.name})`, format: "~f", tickCount: 5 });
  const x = { field: "measured", type: "quantitative", scale, axis: axis("measured") } as const;
  const y = { field: "expected", type: "quantitative", scale, axis: axis("predicted") } as const;
  return {
    layer: [
      {
        data: { values: domain.map((value) => ({ measured: value, expected: value })) },
        mark: { type: "line", color: COLORS.faint, strokeDash: [4, 4], strokeWidth: 1 },
        encoding: { x, y },
      },
      {
        data: { values: points },
        mark: { type: "rule", color: COLORS.joint, opacity: 0.45, strokeWidth: 2 },
        encoding: { x, y, y2: { field: "upper" } },
      },
      {
        data: { values: points },
        mark: { type: "circle", color: COLORS.joint, size: 34, opacity: 0.9 },
        encoding: { x, y, description: { field: "config", type: "nominal" } },
      },
    ],
  };
}

const MARGIN = 1.15;
