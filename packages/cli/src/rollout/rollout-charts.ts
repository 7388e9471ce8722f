import type { RolloutView } from "@mpo/protocol";
import { type ChartSpec, COLORS, PALETTE } from "../report/chart.ts";

/** A number that is predicted for a device, and the device's class. */
export interface ClassedNumber {
  readonly deviceClass: string;
  readonly value: number;
}

/** Devices by configuration, which is named by its number in the table. */
export function distributionChart({ distribution }: RolloutView): ChartSpec {
  const bars = distribution.map(({ devices }, index) => ({ number: String(index + 1), devices }));
  const y = { field: "number", type: "nominal", sort: null, axis: { title: "configuration" } } as const;
  const x = { field: "devices", type: "quantitative", axis: { title: "devices", tickMinStep: 1 } } as const;
  return {
    data: { values: bars },
    layer: [
      { mark: { type: "bar", color: COLORS.joint }, encoding: { x, y } },
      {
        mark: { type: "text", align: "left", dx: 4, color: COLORS.text },
        encoding: { x, y, text: { field: "devices" } },
      },
    ],
  };
}

/** When each wave runs, from the start of the rollout. */
export function wavesChart({ waves, forecast }: RolloutView): ChartSpec {
  const ends = forecast?.waveEndsMs ?? [];
  const unit = unitFor(Math.max(0, ...ends));
  const bars = ends.map((endMs, index) => ({
    wave: String(index + 1),
    from: (ends[index - 1] ?? 0) / unit.ms,
    to: endMs / unit.ms,
    devices: `${waves[index]?.devices ?? 0} devices`,
  }));
  const y = { field: "wave", type: "nominal", sort: null, axis: { title: "wave" } } as const;
  const x = { field: "from", type: "quantitative", axis: { title: `${unit.name} after the start` } } as const;
  return {
    data: { values: bars },
    layer: [
      { mark: { type: "bar", color: COLORS.joint, opacity: 0.7 }, encoding: { x, x2: { field: "to" }, y } },
      {
        mark: { type: "text", align: "left", dx: 4, color: COLORS.text },
        encoding: { x, y, text: { field: "devices" } },
      },
    ],
  };
}

/** Devices that have had their turn, as waves end; the peak of those being changed at once as a line. */
export function progressChart({ waves, forecast }: RolloutView): ChartSpec {
  const ends = forecast?.waveEndsMs ?? [];
  const unit = unitFor(Math.max(0, ...ends));
  let changed = 0;
  const points = ends.map((endMs, index) => {
    changed += waves[index]?.devices ?? 0;
    return { at: endMs / unit.ms, changed };
  });
  const y = { field: "changed", type: "quantitative", axis: { title: "devices", tickMinStep: 1 } } as const;
  return {
    layer: [
      {
        data: { values: [{ at: 0, changed: 0 }, ...points] },
        mark: { type: "area", color: COLORS.joint, opacity: 0.35, line: { color: COLORS.joint }, point: true },
        encoding: {
          x: { field: "at", type: "quantitative", axis: { title: `${unit.name} after the start`, grid: false } },
          y,
        },
      },
      {
        data: { values: forecast === undefined ? [] : [{ changed: forecast.peakDevices }] },
        mark: { type: "rule", strokeDash: [4, 4], color: COLORS.text },
        encoding: { y },
      },
    ],
  };
}

/** How many devices of each class have a predicted number in which range. */
export function histogramChart(values: readonly ClassedNumber[], title: string): ChartSpec {
  const classes = [...new Set(values.map(({ deviceClass }) => deviceClass))].sort();
  return {
    data: { values: [...values] },
    mark: { type: "bar" },
    encoding: {
      x: { field: "value", type: "quantitative", bin: { maxbins: 24 }, axis: { title } },
      y: { aggregate: "count", type: "quantitative", axis: { title: "devices", tickMinStep: 1 } },
      color: {
        field: "deviceClass",
        type: "nominal",
        scale: { domain: classes, range: classes.map((_, index) => PALETTE[index % PALETTE.length] as string) },
      },
    },
  };
}

function unitFor(ms: number): { readonly ms: number; readonly name: string } {
  if (ms < 300_000) return { ms: 1_000, name: "seconds" };
  return ms < 10_800_000 ? { ms: 60_000, name: "minutes" } : { ms: 3_600_000, name: "hours" };
}
