import type { TopLevelSpec } from "vega-lite";
import { type Markup, trusted } from "./html.ts";

/** Size of every picture, in units that the page scales to the width that there is. */
const WIDTH = 440;
const HEIGHT = 290;

/** Colours by what they stand for. The page defines them, for light and for dark. */
export const COLORS = {
  text: "var(--text)",
  faint: "var(--faint)",
  line: "var(--line)",
  joint: "var(--joint)",
  plain: "var(--plain)",
  third: "var(--third)",
  fourth: "var(--fourth)",
  fifth: "var(--fifth)",
  sixth: "var(--sixth)",
} as const;

/** For series without their own colour, in this order. */
export const PALETTE: readonly string[] = [
  COLORS.joint,
  COLORS.plain,
  COLORS.third,
  COLORS.fourth,
  COLORS.fifth,
  COLORS.sixth,
];

type Shared = "$schema" | "width" | "height" | "config" | "background" | "autosize";
/** Of each member of a union separately. */
type Without<Union, Keys extends PropertyKey> = Union extends unknown ? Omit<Union, Keys> : never;

/** A picture's description without what all pictures share. */
export type ChartSpec = Without<TopLevelSpec, Shared>;

const FONT = "system-ui, sans-serif";

/** Draws a picture as static SVG, without a browser. Texts in the data are escaped by the renderer. */
export async function drawChart(spec: ChartSpec): Promise<Markup> {
  // Most commands draw nothing.
  const [{ parse, View }, { compile }] = await Promise.all([import("vega"), import("vega-lite")]);
  const whole = {
    ...spec,
    width: WIDTH,
    height: HEIGHT,
    background: null,
    autosize: { type: "fit", contains: "padding" },
    config: {
      font: FONT,
      view: { stroke: null },
      axis: {
        labelColor: COLORS.faint,
        titleColor: COLORS.text,
        gridColor: COLORS.line,
        domainColor: COLORS.line,
        tickColor: COLORS.line,
        labelFontSize: 11,
        titleFontSize: 12,
        titleFontWeight: "normal",
        tickCount: 6,
      },
      legend: {
        labelColor: COLORS.text,
        titleColor: COLORS.text,
        labelFontSize: 11,
        labelLimit: 300,
        orient: "bottom",
        title: null,
        columns: 3,
        symbolSize: 70,
        symbolStrokeWidth: 2,
      },
      text: { color: COLORS.text, font: FONT, fontSize: 11 },
    },
  } as unknown as TopLevelSpec;
  const view = new View(parse(compile(whole).spec), { renderer: "none" });
  try {
    return trusted(await view.toSVG());
  } finally {
    view.finalize();
  }
}
