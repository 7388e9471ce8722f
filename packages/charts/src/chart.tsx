import type { ComponentChildren, VNode } from "preact";
import { classOf, Key, Marks, type Placed, round } from "./marks.tsx";
import { scaleOf } from "./scale.ts";
import { type Axis, cornersOf, type Series } from "./series.ts";
import { Table, type TableProps } from "./table.tsx";

export interface ChartProps {
  readonly title: string;
  /** What it shows, in a sentence. */
  readonly caption: ComponentChildren;
  readonly x: Axis;
  readonly y: Axis;
  readonly series: readonly Series[];
  /** A bound across the picture. */
  readonly limit?: { readonly axis: "x" | "y"; readonly at: number; readonly name: string };
  /** The same in numbers. */
  readonly numbers: TableProps;
}

const WIDTH = 460;
const HEIGHT = 260;
const LEFT = 84;
const RIGHT = 14;
const TOP = 12;
const BOTTOM = 46;
/** A bound that is further away than that would press everything else into a corner. */
const NEAR = 2.5;

/** A picture, its legend and its numbers. Marks differ by their form as well as by colour. */
export function Chart({ title, caption, x, y, series, limit, numbers }: ChartProps): VNode {
  const all = series.flatMap(cornersOf);
  const most = all.reduce(
    (high, point) => Math.max(high, point[limit?.axis === "y" ? 1 : 0]),
    Number.NEGATIVE_INFINITY,
  );
  const isNear = limit !== undefined && limit.at <= NEAR * most;
  const valuesOn = (axis: "x" | "y"): readonly number[] => {
    const values = all.map((point) => point[axis === "x" ? 0 : 1]);
    return isNear && limit.axis === axis ? [...values, limit.at] : values;
  };
  const along = scaleOf(valuesOn("x"), x, [LEFT, WIDTH - RIGHT]);
  const up = scaleOf(valuesOn("y"), y, [HEIGHT - BOTTOM, TOP]);
  const coloured = series.map((one, index) => ({ one, index: typeof one.colour === "number" ? one.colour : index }));
  return (
    <figure class="card chart">
      <h3>{title}</h3>
      {all.length === 0 ? (
        <p class="faint">Nothing to draw yet.</p>
      ) : (
        <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={title}>
          <Grid x={x} y={y} along={along} up={up} />
          {limit !== undefined && isNear && <Limit limit={limit} along={along} up={up} />}
          {coloured.map(({ one, index }, place) => (
            <Marks key={place} series={one} index={index} along={along} up={up} />
          ))}
        </svg>
      )}
      <Legend coloured={coloured} />
      <figcaption>
        {caption}
        {limit !== undefined &&
          !isNear &&
          ` The ${limit.name} lies far beyond: ${(limit.axis === "x" ? x : y).format(limit.at)}.`}
      </figcaption>
      <details>
        <summary>In numbers</summary>
        <Table {...numbers} />
      </details>
    </figure>
  );
}

/** Of each name the first series that has a sign of its own. */
function Legend({
  coloured,
}: {
  readonly coloured: readonly { readonly one: Series; readonly index: number }[];
}): VNode | null {
  const signs = coloured.filter(({ one: { kind } }) => kind !== "band" && kind !== "strokes");
  const named = [...new Map(signs.toReversed().map((sign) => [sign.one.name, sign])).values()].toReversed();
  if (named.length < 2) return null;
  return (
    <ul class="legend" aria-label="Legend">
      {named.map(({ one, index }) => (
        <li key={one.name} class={classOf(one.colour ?? index)}>
          <Key series={one} index={index} />
          {one.name}
        </li>
      ))}
    </ul>
  );
}

function Grid({ x, y, along, up }: Placed & { readonly x: Axis; readonly y: Axis }): VNode {
  return (
    <g class="grid">
      {up.ticks.map((tick) => (
        <g key={tick}>
          <path d={`M${LEFT} ${round(up.place(tick))}H${WIDTH - RIGHT}`} />
          <text x={LEFT - 6} y={round(up.place(tick)) + 4} text-anchor="end">
            {y.format(tick)}
          </text>
        </g>
      ))}
      {along.ticks.map((tick) => (
        <text key={tick} x={round(along.place(tick))} y={HEIGHT - BOTTOM + 16} text-anchor="middle">
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
