import type { VNode } from "preact";
import type { Scale } from "./scale.ts";
import type { BoxSeries, Point, PointSeries, Series, StretchSeries } from "./series.ts";

/** Colours of series, and forms of their marks. */
const COLOURS = 6;
/** Hundreds of marks on a line would hide it. */
const MOST_MARKS_ON_LINE = 40;

export interface Placed {
  readonly along: Scale;
  readonly up: Scale;
}

interface MarksProps<Kind extends Series = Series> extends Placed {
  readonly series: Kind;
  /** Form of its marks. */
  readonly index: number;
}

export function classOf(colour: number | "faint"): string {
  return colour === "faint" ? "series-faint" : `series-${colour % COLOURS}`;
}

/** All that is drawn of a series. */
export function Marks(props: MarksProps): VNode {
  const { series } = props;
  switch (series.kind) {
    case "boxes":
      return <Boxes {...props} series={series} />;
    case "band":
    case "strokes":
      return <Stretches {...props} series={series} />;
    case "dots":
    case "line":
    case "steps":
    case "guide":
      return <Points {...props} series={series} />;
  }
}

function Points({ series, index, along, up }: MarksProps<PointSeries>): VNode {
  const { points, kind, isStrong = false, isSmall = false, isFilled = false } = series;
  const placed = points.map(([x, y]) => [round(along.place(x)), round(up.place(y))] as const);
  const line = placed
    .map(([x, y], at) => (at === 0 ? `M${x} ${y}` : kind === "steps" ? `H${x}V${y}` : `L${x} ${y}`))
    .join("");
  const hasMarks = kind === "dots" || (kind === "line" && points.length <= MOST_MARKS_ON_LINE);
  const [first, last] = [placed[0], placed.at(-1)];
  const ground = round(up.place(0));
  return (
    <g class={classOf(series.colour ?? index)}>
      {isFilled && first !== undefined && last !== undefined && (
        <path class="ground" d={`${line}H${last[0]}V${ground}H${first[0]}Z`} />
      )}
      {kind !== "dots" && <path class={kind === "guide" ? "guide" : "line"} d={line} />}
      {hasMarks &&
        placed.map((at, place) => <Mark key={place} index={index} at={at} size={isStrong ? 7 : isSmall ? 2 : 4} />)}
    </g>
  );
}

function Stretches({ series, index, along, up }: MarksProps<StretchSeries>): VNode {
  const { kind, stretches } = series;
  const placed = stretches.map(([x, low, high]) => [along.place(x), up.place(low), up.place(high)].map(round));
  const path =
    kind === "strokes"
      ? placed.map(([x, low, high]) => `M${x} ${low}V${high}`).join("")
      : `M${[...placed.map(([x, , high]) => `${x} ${high}`), ...placed.map(([x, low]) => `${x} ${low}`).reverse()].join("L")}Z`;
  return (
    <g class={classOf(series.colour ?? index)}>
      <path class={kind === "strokes" ? "strokes" : "band"} d={path} />
    </g>
  );
}

function Boxes({ series, index, along, up }: MarksProps<BoxSeries>): VNode {
  return (
    <g class={classOf(series.colour ?? index)}>
      {series.boxes.map(({ from, to, low, high, label }, place) => {
        const [x, ends] = [along.place(from), along.place(to)];
        const [one, other] = [up.place(low), up.place(high)];
        return (
          <g key={place}>
            <rect
              class="box"
              x={round(x)}
              y={round(Math.min(one, other))}
              width={round(ends - x)}
              height={round(Math.abs(one - other))}
            />
            {label !== undefined && (
              <text x={round(ends) + 4} y={round((one + other) / 2) + 4}>
                {label}
              </text>
            )}
          </g>
        );
      })}
    </g>
  );
}

/** A sign of the legend. */
export function Key({ series, index }: { readonly series: Series; readonly index: number }): VNode {
  return (
    <svg viewBox="0 0 14 14" aria-hidden="true" class="key">
      {series.kind === "boxes" ? (
        <rect class="box" x={2} y={2} width={10} height={10} />
      ) : (
        <>
          {(series.kind === "line" || series.kind === "dots") && <Mark index={index} at={[7, 7]} size={4} />}
          {series.kind === "guide" && <path d="M0 7H14" class="guide" />}
          {(series.kind === "line" || series.kind === "steps") && <path d="M0 7H14" class="line" />}
        </>
      )}
    </svg>
  );
}

/** Each series has a form of its own. */
function Mark({
  index,
  at: [x, y],
  size,
}: {
  readonly index: number;
  readonly at: Point;
  readonly size: number;
}): VNode {
  const wide = size + 1;
  switch (index % COLOURS) {
    case 0:
      return <circle cx={x} cy={y} r={size} class="mark" />;
    case 1:
      return <rect x={x - size} y={y - size} width={2 * size} height={2 * size} class="mark" />;
    case 2:
      return <path d={`M${x} ${y - wide}l${wide} ${2 * size}h${-2 * wide}z`} class="mark" />;
    case 3:
      return <path d={`M${x} ${y - wide}l${wide} ${wide}l${-wide} ${wide}l${-wide} ${-wide}z`} class="mark" />;
    case 4:
      return <path d={`M${x} ${y + wide}l${wide} ${-2 * size}h${-2 * wide}z`} class="mark" />;
    default:
      return (
        <path
          d={`M${x - size} ${y - size}l${2 * size} ${2 * size}m0 ${-2 * size}l${-2 * size} ${2 * size}`}
          class="mark cross"
        />
      );
  }
}

export function round(value: number): number {
  return Math.round(10 * value) / 10;
}
