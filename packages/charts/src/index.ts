export { Chart, type ChartProps } from "./chart.tsx";
export { chartMarkup } from "./chart-markup.tsx";
export { CHART_STYLE } from "./chart-style.ts";
export type { Axis, Point, Series } from "./series.ts";
export { type Row, Table } from "./table.tsx";
export { ticksOf } from "./ticks.ts";
