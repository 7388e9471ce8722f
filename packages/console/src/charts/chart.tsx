import type { ComponentChildren, VNode } from "preact";
import { byteTicks, ticksOf } from "./ticks.ts";

export type Point = readonly [x: number, y: number];

export interface Series {
  readonly name: string;
  readonly points: readonly Point[];
  /** Dots alone, a line through them, or a line that stays until it steps. */
  readonly kind: "dots" | "line" | "steps";
  /** Which of the page's colours; its place in the list by default. */
  readonly colour?: number;
  /** Drawn larger, as what matters most, or smaller, as one of very many. */
  readonly isStrong?: boolean;
  readonly isSmall?: boolean;
}

export interface Axis {
  readonly title: string;
  readonly format: (value: number) => string;
  readonly isBytes?: boolean;
  /** Of things that are counted: there is no half of one. */
  readonly isWhole?: boolean;
  /** Else it begins near the smallest value. */
  readonly fromZero?: boolean;
}

interface ChartProps {
  readonly title: string;
  /** What it shows, in a sentence. */
  readonly caption: ComponentChildren;
  readonly x: Axis;
  readonly y: Axis;
  readonly series: readonly Series[];
  /** A bound across the picture. */
  readonly limit?: { readonly axis: "x" | "y"; readonly at: number; readonly name: string };
  /** The same in numbers. */
  readonly table: VNode;
}

const WIDTH = 460;
const HEIGHT = 260;
const LEFT = 84;
const RIGHT = 14;
const TOP = 12;
const BOTTOM = 46;
const COLOURS = 6;
/** A bound that is further away than that would press everything else into a corner. */
const NEAR = 2.5;

/** A picture, its legend and its numbers. Marks differ by their form as well as by colour. */
export function Chart({ title, caption, x, y, series, limit, table }: ChartProps): VNode {
  const all = series.flatMap(({ points }) => points);
  const most = Math.max(...all.map(([px, py]) => (limit?.axis === "y" ? py : px)));
  const isNear = limit !== undefined && limit.at <= NEAR * most;
  const bound = (axis: "x" | "y"): number | undefined => (isNear && limit.axis === axis ? limit.at : undefined);
  const along = scaleOf(
    all.map(([value]) => value),
    x,
    bound("x"),
    [LEFT, WIDTH - RIGHT],
  );
  const up = scaleOf(
    all.map(([, value]) => value),
    y,
    bound("y"),
    [HEIGHT - BOTTOM, TOP],
  );
  return (
    <figure class="card chart">
      <h3>{title}</h3>
      {all.length === 0 ? (
        <p class="faint">Nothing to draw yet.</p>
      ) : (
        <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={title}>
          <Grid x={x} y={y} along={along} up={up} />
          {limit !== undefined && isNear && <Limit limit={limit} along={along} up={up} />}
          {series.map((one, index) => (
            <Marks key={one.name} series={one} index={one.colour ?? index} along={along} up={up} />
          ))}
        </svg>
      )}
      {series.length > 1 && (
        <ul class="legend" aria-label="Legend">
          {series.map(({ name, colour, kind }, index) => (
            <li key={name} class={`series-${(colour ?? index) % COLOURS}`}>
              <svg viewBox="0 0 14 14" aria-hidden="true" class="key">
                <Mark index={colour ?? index} at={[7, 7]} size={4} />
                {kind !== "dots" && <path d="M0 7H14" class="line" />}
              </svg>
              {name}
            </li>
          ))}
        </ul>
      )}
      <figcaption>
        {caption}
        {limit !== undefined &&
          !isNear &&
          ` The ${limit.name} lies far beyond: ${(limit.axis === "x" ? x : y).format(limit.at)}.`}
      </figcaption>
      <details>
        <summary>In numbers</summary>
        {table}
      </details>
    </figure>
  );
}

interface Scale {
  readonly ticks: readonly number[];
  readonly place: (value: number) => number;
}

const ABOUT_TICKS = 5;
/** Beyond the outermost values, so that marks are whole. */
const MARGIN = 0.06;

function scaleOf(
  values: readonly number[],
  { fromZero = false, isBytes = false, isWhole = false }: Axis,
  limit: number | undefined,
  [from, to]: readonly [number, number],
): Scale {
  const known = limit === undefined ? values : [...values, limit];
  const least = known.reduce((low, value) => Math.min(low, value), Number.POSITIVE_INFINITY);
  const most = known.reduce((high, value) => Math.max(high, value), Number.NEGATIVE_INFINITY);
  const span = most - least || Math.abs(most) || 1;
  const low = fromZero ? 0 : least - MARGIN * span;
  const high = most + MARGIN * (fromZero ? most || 1 : span);
  return {
    ticks: (isBytes ? byteTicks : ticksOf)(low, high, ABOUT_TICKS).filter((tick) => !isWhole || Number.isInteger(tick)),
    place: (value) => from + ((value - low) / (high - low)) * (to - from),
  };
}

interface Placed {
  readonly along: Scale;
  readonly up: Scale;
}

function Grid({ x, y, along, up }: Placed & { readonly x: Axis; readonly y: Axis }): VNode {
  return (
    <g class="grid">
      {up.ticks.map((tick) => (
        <g key={tick}>
          <path d={`M${LEFT} ${round(up.place(tick))}H${WIDTH - RIGHT}`} />
          <text x={LEFT - 6} y={up.place(tick) + 4} text-anchor="end">
            {y.format(tick)}
          </text>
        </g>
      ))}
      {along.ticks.map((tick) => (
        <text key={tick} x={along.place(tick)} y={HEIGHT - BOTTOM + 16} text-anchor="middle">
          {x.format(tick)}
        </text>
      ))}
      <path class="axis" d={`M${LEFT} ${HEIGHT - BOTTOM}H${WIDTH - RIGHT}`} />
      <text class="title" x={(LEFT + WIDTH - RIGHT) / 2} y={HEIGHT - 8} text-anchor="middle">
        {x.title}
      </text>
      <text class="title" transform={`translate(12 ${(TOP + HEIGHT - BOTTOM) / 2}) rotate(-90)`} text-anchor="middle">
        {y.title}
      </text>
    </g>
  );
}

function Limit({
  limit: { axis, at, name },
  along,
  up,
}: Placed & { readonly limit: NonNullable<ChartProps["limit"]> }): VNode {
  const isUpright = axis === "x";
  const place = round(isUpright ? along.place(at) : up.place(at));
  return (
    <g class="limit">
      <path d={isUpright ? `M${place} ${TOP}V${HEIGHT - BOTTOM}` : `M${LEFT} ${place}H${WIDTH - RIGHT}`} />
      <text x={isUpright ? place - 4 : WIDTH - RIGHT} y={isUpright ? TOP + 10 : place - 4} text-anchor="end">
        {name}
      </text>
    </g>
  );
}

function Marks({
  series: { points, kind, isStrong = false, isSmall = false },
  index,
  along,
  up,
}: Placed & { readonly series: Series; readonly index: number }): VNode {
  const placed = points.map(([x, y]) => [round(along.place(x)), round(up.place(y))] as const);
  const line = placed
    .map(([x, y], at) => (at === 0 ? `M${x} ${y}` : kind === "steps" ? `H${x}V${y}` : `L${x} ${y}`))
    .join("");
  // Hundreds of marks on a line would hide it.
  const hasMarks = kind === "dots" || (kind === "line" && points.length <= 40);
  return (
    <g class={`series-${index % COLOURS}`}>
      {kind !== "dots" && <path class="line" d={line} />}
      {hasMarks &&
        placed.map((at, place) => <Mark key={place} index={index} at={at} size={isStrong ? 7 : isSmall ? 2 : 4} />)}
    </g>
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
  switch (index % 4) {
    case 0:
      return <circle cx={x} cy={y} r={size} class="mark" />;
    case 1:
      return <rect x={x - size} y={y - size} width={2 * size} height={2 * size} class="mark" />;
    case 2:
      return <path d={`M${x} ${y - size - 1}l${size + 1} ${2 * size}h${-2 * size - 2}z`} class="mark" />;
    default:
      return (
        <path
          d={`M${x} ${y - size - 1}l${size + 1} ${size + 1}l${-size - 1} ${size + 1}l${-size - 1} ${-size - 1}z`}
          class="mark"
        />
      );
  }
}

function round(value: number): number {
  return Math.round(10 * value) / 10;
}
