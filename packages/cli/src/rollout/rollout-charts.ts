import { type ChartProps, ticksOf } from "@mpo/charts";
import { counted, formatBytes, formatDuration, formatMs, SECOND_MS } from "@mpo/core";
import type { RolloutView } from "@mpo/protocol";

/** A number that is predicted for a device, and the device's class. */
export interface ClassedNumber {
  readonly deviceClass: string;
  readonly value: number;
}

/** Half of what a bar takes of its row. */
const HALF_BAR = 0.36;
/** Most bars of a histogram, about. */
const BINS = 20;

const DEVICES = { title: "devices", format: (value: number) => value.toLocaleString("en"), isWhole: true } as const;

/** Devices by configuration, which is named by its number in the table. */
export function distributionChart({ distribution }: RolloutView): ChartProps {
  return {
    title: "Distribution of configurations",
    caption: "Devices that get each.",
    x: { ...DEVICES, fromZero: true },
    y: { title: "configuration", format: String, isWhole: true, isDownward: true },
    series: [
      {
        name: "devices",
        kind: "boxes",
        boxes: distribution.map(({ devices }, index) => ({
          ...rowAt(index),
          from: 0,
          to: devices,
          label: `${devices}`,
        })),
      },
    ],
    numbers: {
      caption: "Devices by configuration",
      columns: [{ title: "Number", isNumber: true }, { title: "Devices", isNumber: true }, "Configuration"],
      rows: distribution.map(({ devices, config }, index) => ({
        key: `${index}`,
        cells: [index + 1, devices, config],
      })),
    },
  };
}

/** When each wave runs, from the start of the rollout. */
export function wavesChart(rollout: RolloutView): ChartProps {
  const ends = rollout.forecast?.waveEndsMs ?? [];
  const unit = unitFor(ends);
  return {
    title: "Waves over time",
    caption: "When each wave runs, as forecast.",
    x: { title: `${unit.name} after the start`, format: rounded, fromZero: true },
    y: { title: "wave", format: String, isWhole: true, isDownward: true },
    series: [
      {
        name: "waves",
        kind: "boxes",
        boxes: ends.map((endMs, index) => {
          return { ...rowAt(index), from: (ends[index - 1] ?? 0) / unit.ms, to: endMs / unit.ms };
        }),
      },
    ],
    numbers: waveNumbers(rollout),
  };
}

/** Devices that have had their turn, as waves end; the peak of those being changed at once as a line. */
export function progressChart(rollout: RolloutView): ChartProps {
  const { waves, forecast } = rollout;
  const ends = forecast?.waveEndsMs ?? [];
  const unit = unitFor(ends);
  let changed = 0;
  const points = ends.map((endMs, index) => {
    changed += waves[index]?.devices ?? 0;
    return [endMs / unit.ms, changed] as const;
  });
  const peak = forecast?.peakDevices ?? 0;
  return {
    title: "Devices that are changed",
    caption: `As waves end. Dashed: ${counted(peak, "device")}, the most that are being changed at once.`,
    x: { title: `${unit.name} after the start`, format: rounded, fromZero: true },
    y: { ...DEVICES, fromZero: true },
    series: [{ name: "devices", kind: "line", points: [[0, 0], ...points], isFilled: true }],
    limit: { axis: "y", at: peak, name: "at once" },
    numbers: waveNumbers(rollout),
  };
}

function waveNumbers({ waves, forecast }: RolloutView): ChartProps["numbers"] {
  return {
    caption: "Ends of waves, as forecast",
    columns: ["Wave", { title: "Devices", isNumber: true }, { title: "Over after", isNumber: true }],
    rows: (forecast?.waveEndsMs ?? []).map((endMs, index) => ({
      key: `${index}`,
      cells: [index + 1, waves[index]?.devices ?? 0, formatDuration(endMs / SECOND_MS)],
    })),
  };
}

/** How many devices of each class have a predicted amount of memory. */
export function memoryChart(values: readonly ClassedNumber[]): ChartProps {
  const caption = "Bounds of a step's memory above the idle process, for each device.";
  const show = (bytes: number): string => formatBytes(bytes);
  return histogram("Predicted memory", caption, { title: "memory", format: show, isBytes: true }, values);
}

/** How many devices of each class have a predicted time of a step. */
export function timeChart(values: readonly ClassedNumber[]): ChartProps {
  const caption = "Bounds of a step's time, for each device.";
  return histogram("Predicted time", caption, { title: "time of a step", format: formatMs }, values);
}

function histogram(title: string, caption: string, x: ChartProps["x"], values: readonly ClassedNumber[]): ChartProps {
  const classes = [...new Set(values.map(({ deviceClass }) => deviceClass))].sort();
  const all = values.map(({ value }) => value);
  const width = binWidth(Math.min(...all), Math.max(...all));
  const reached = new Map<number, number>();
  const series = classes.map((name) => {
    const counts = new Map<number, number>();
    for (const { deviceClass, value } of values) {
      const bin = Math.floor(value / width);
      if (deviceClass === name) counts.set(bin, (counts.get(bin) ?? 0) + 1);
    }
    const boxes = [...counts].map(([bin, count]) => {
      const low = reached.get(bin) ?? 0;
      reached.set(bin, low + count);
      return { from: bin * width, to: (bin + 1) * width, low, high: low + count };
    });
    return { name, kind: "boxes", boxes } as const;
  });
  return {
    title,
    caption,
    x,
    y: { ...DEVICES, fromZero: true },
    series,
    numbers: classNumbers(classes, values, x.format),
  };
}

/** Round where the values differ; else one bar that is a tenth as wide as the value. */
function binWidth(least: number, most: number): number {
  const [first = 0, second = 0] = ticksOf(least, most, BINS);
  return second - first > 0 ? second - first : Math.max(1, most / 10);
}

function classNumbers(
  classes: readonly string[],
  numbers: readonly ClassedNumber[],
  show: (value: number) => string,
): ChartProps["numbers"] {
  const rows = classes.map((one) => {
    const values = numbers.flatMap(({ deviceClass, value }) => (deviceClass === one ? [value] : []));
    const sorted = values.sort((left, right) => left - right);
    const at = (share: number): string => show(sorted[Math.round(share * (sorted.length - 1))] as number);
    return { key: one, cells: [one, sorted.length, at(0), at(0.5), at(1)] };
  });
  const figures = ["Devices", "Least", "Median", "Most"].map((title) => ({ title, isNumber: true }));
  return { caption: "By class of device", columns: ["Class", ...figures], rows };
}

function rowAt(index: number): { readonly low: number; readonly high: number } {
  return { low: index + 1 - HALF_BAR, high: index + 1 + HALF_BAR };
}

function rounded(value: number): string {
  return String(Math.round(10 * value) / 10);
}

function unitFor(endsMs: readonly number[]): { readonly ms: number; readonly name: string } {
  const ms = Math.max(0, ...endsMs);
  if (ms < 300_000) return { ms: 1_000, name: "seconds" };
  return ms < 10_800_000 ? { ms: 60_000, name: "minutes" } : { ms: 3_600_000, name: "hours" };
}
