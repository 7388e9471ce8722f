import { renderToString } from "preact-render-to-string";
import { Chart, type ChartProps } from "./chart.tsx";

/** The chart as HTML for a page without scripts. All texts in it are escaped. */
export function chartMarkup(chart: ChartProps): string {
  return renderToString(<Chart {...chart} />);
}
