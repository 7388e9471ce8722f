import { MpoError } from "@mpo/core";
import { elementsOf } from "../model-graph.ts";

/** A factor of an axis's extent. Told apart by identity; those of extent 1 are left out everywhere. */
export interface Atom {
  readonly extent: number;
}

/**
 * A tensor that the engine calculates: a node's numbers, and how the file's axes lie in them. Transpositions, reshapes and
 * the choice of a part change only this; numbers move where an operation needs another order (`placing.ts`).
 */
export interface Variable {
  readonly kind: "variable";
  /** Of the draft. */
  readonly node: string;
  /** The sample's axes as the node has them, outermost first; without the batch. */
  readonly order: readonly Atom[];
  /** The axes as the file has them, each from its outermost factor on; the batch is among them. */
  readonly axes: readonly (readonly Atom[])[];
  /** Only a part of the node's numbers is meant. */
  readonly cut?: Cut;
  /** By what the node's numbers are still to be multiplied; absent: 1. */
  readonly factor?: number;
}

/** Of an axis of `whole` values, which is otherwise not in the layout, those in `order` from `at` on, `count` factors. */
export interface Cut {
  readonly at: number;
  readonly count: number;
  readonly whole: number;
  readonly begin: number;
}

export function extentOf(atoms: readonly Atom[]): number {
  return atoms.reduce((product, { extent }) => product * extent, 1);
}

export function shapeOf({ axes }: Variable): readonly number[] {
  return axes.map(extentOf);
}

/** Extents of what a node's numbers are, by the layout: with the whole of what is cut. */
export function storedExtents({ order, cut }: Variable): readonly number[] {
  const extents = order.map(({ extent }) => extent);
  return cut === undefined ? extents : extents.toSpliced(cut.at, cut.count, cut.whole);
}

/** The layout with one factor replaced by several that make the same extent. */
export function split(layout: Variable, atom: Atom, parts: readonly Atom[]): Variable {
  const put = (atoms: readonly Atom[]): readonly Atom[] => atoms.flatMap((other) => (other === atom ? parts : [other]));
  const { order, axes, cut } = layout;
  const place = order.indexOf(atom);
  const more = parts.length - 1;
  const moved =
    cut === undefined || place < 0 || place >= cut.at + cut.count
      ? cut
      : place < cut.at
        ? { ...cut, at: cut.at + more }
        : { ...cut, count: cut.count + more };
  return withCut({ ...layout, order: put(order), axes: axes.map(put) }, moved);
}

export function withCut(layout: Variable, cut: Cut | undefined): Variable {
  const { cut: _, ...rest } = layout;
  return cut === undefined ? rest : { ...rest, cut };
}

export function withFactor(layout: Variable, factor: number): Variable {
  const { factor: _, ...rest } = layout;
  return factor === 1 ? rest : { ...rest, factor };
}

/** Factors that lie next to each other in both, as one. */
export function merged(layout: Variable): Variable {
  const { order, axes, cut } = layout;
  const next = new Map<Atom, Atom>();
  for (const axis of axes)
    for (const [place, atom] of axis.entries()) if (axis[place + 1]) next.set(atom, axis[place + 1]!);
  for (const [place, atom] of order.entries()) {
    const after = order[place + 1];
    const isEdge = cut !== undefined && (place + 1 === cut.at || place + 1 === cut.at + cut.count);
    if (after === undefined || isEdge || next.get(atom) !== after) continue;
    const both = { extent: atom.extent * after.extent };
    const join = (atoms: readonly Atom[]): readonly Atom[] =>
      atoms.flatMap((other) => (other === atom ? [both] : other === after ? [] : [other]));
    const moved =
      cut === undefined || place >= cut.at + cut.count
        ? cut
        : place < cut.at
          ? { ...cut, at: cut.at - 1 }
          : { ...cut, count: cut.count - 1 };
    return merged(withCut({ ...layout, order: join(order), axes: axes.map(join) }, moved));
  }
  return layout;
}

/** Whether some axis of the file lies in pieces, or turned round, in the node's numbers. */
export function isTangled(layout: Variable, batch: Atom): boolean {
  return merged(layout).axes.some((axis) => axis.filter((atom) => atom !== batch).length > 1);
}

/** The same numbers in a new shape; undefined: its axes fall on no factors that could be had by splitting. */
export function reshaped(layout: Variable, shape: readonly number[], batch: Atom): Variable | undefined {
  let result = merged(layout);
  const rest = [...result.axes.flat()];
  const axes: Atom[][] = [];
  for (const extent of shape) {
    const axis: Atom[] = [];
    let wanted = extent;
    while (wanted > 1) {
      const atom = rest.shift();
      if (atom === undefined) return undefined;
      if (wanted % atom.extent === 0) {
        axis.push(atom);
        wanted /= atom.extent;
      } else if (atom !== batch && atom.extent % wanted === 0) {
        const parts = [{ extent: wanted }, { extent: atom.extent / wanted }] as const;
        result = split(result, atom, parts);
        axis.push(parts[0]);
        rest.unshift(parts[1]);
        wanted = 1;
      } else return undefined;
    }
    axes.push(axis);
  }
  return rest.length > 0 ? undefined : { ...result, axes };
}

/** Two layouts whose axes have the same factors where both are not 1, and which of the right is which of the left. */
export interface Aligned {
  readonly left: Variable;
  readonly right: Variable;
  readonly leftOf: ReadonlyMap<Atom, Atom>;
}

/** Aligns by NumPy's broadcasting. Throws `unsupported` where the axes have no common factors. */
export function aligned(left: Variable, right: Variable): Aligned {
  const rank = Math.max(left.axes.length, right.axes.length);
  const padded = (layout: Variable): Variable => {
    return { ...layout, axes: [...Array.from({ length: rank - layout.axes.length }, () => []), ...layout.axes] };
  };
  let [a, b] = [padded(merged(left)), padded(merged(right))];
  const leftOf = new Map<Atom, Atom>();
  for (let axis = 0; axis < rank; axis++) {
    const both = (): readonly [readonly Atom[], readonly Atom[]] => [a.axes[axis]!, b.axes[axis]!];
    const [first, second] = both();
    if (first.length === 0 || second.length === 0) continue;
    if (extentOf(first) !== extentOf(second)) {
      throw new MpoError("unsupported", `its inputs have the shapes [${shapeOf(left)}] and [${shapeOf(right)}]`);
    }
    for (let place = 0; place < both()[0].length; place++) {
      const [one, other] = [both()[0][place]!, both()[1][place]!];
      if (one.extent > other.extent) a = splitBy(a, one, other.extent);
      else if (other.extent > one.extent) b = splitBy(b, other, one.extent);
      leftOf.set(both()[1][place]!, both()[0][place]!);
    }
  }
  return { left: a, right: b, leftOf };
}

function splitBy(layout: Variable, atom: Atom, outer: number): Variable {
  if (atom.extent % outer !== 0) {
    throw new MpoError("unsupported", `it joins axes of ${atom.extent} and ${outer} values that lie differently`);
  }
  return split(layout, atom, [{ extent: outer }, { extent: atom.extent / outer }]);
}

export function sampleElements(layout: Variable): number {
  return elementsOf(layout.order.map(({ extent }) => extent));
}
