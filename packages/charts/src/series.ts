/** What a chart draws, as data: the same for a live page and for a report. */

export type Point = readonly [x: number, y: number];

/** An upright stretch at a place along the picture. */
export type Stretch = readonly [x: number, low: number, high: number];

/** A rectangle in the picture's own measures, such as a bar. */
export interface Box {
  readonly from: number;
  readonly to: number;
  readonly low: number;
  readonly high: number;
  /** Written at its right end. */
  readonly label?: string;
}

interface Named {
  /** Series of one name have one entry in the legend. */
  readonly name: string;
  /** Which of the page's colours, or faint; its place in the list by default. */
  readonly colour?: number | "faint";
}

export interface PointSeries extends Named {
  /** Dots alone, a line through them, a line that stays until it steps, or a plain dashed line. */
  readonly kind: "dots" | "line" | "steps" | "guide";
  readonly points: readonly Point[];
  /** Drawn larger, as what matters most, or smaller, as one of very many. */
  readonly isStrong?: boolean;
  readonly isSmall?: boolean;
  /** With the ground down to zero shaded. */
  readonly isFilled?: boolean;
}

/** A ribbon between two lines, or strokes, such as from a value to its bound. Neither is in the legend. */
export interface StretchSeries extends Named {
  readonly kind: "band" | "strokes";
  readonly stretches: readonly Stretch[];
}

export interface BoxSeries extends Named {
  readonly kind: "boxes";
  readonly boxes: readonly Box[];
}

export type Series = PointSeries | StretchSeries | BoxSeries;

export interface Axis {
  readonly title: string;
  readonly format: (value: number) => string;
  readonly isBytes?: boolean;
  /** Of things that are counted: there is no half of one. */
  readonly isWhole?: boolean;
  /** Else it begins near the smallest value. */
  readonly fromZero?: boolean;
  /** Equal ways stand for equal factors; for values above zero. */
  readonly isLogarithmic?: boolean;
  /** The smallest is at the top, as in a list. */
  readonly isDownward?: boolean;
}

/** Both ends of all that a series has. */
export function cornersOf(series: Series): readonly Point[] {
  switch (series.kind) {
    case "boxes":
      return series.boxes.flatMap(({ from, to, low, high }): readonly Point[] => [
        [from, low],
        [to, high],
      ]);
    case "band":
    case "strokes":
      return series.stretches.flatMap(([x, low, high]): readonly Point[] => [
        [x, low],
        [x, high],
      ]);
    case "dots":
    case "line":
    case "steps":
    case "guide":
      return series.points;
  }
}
