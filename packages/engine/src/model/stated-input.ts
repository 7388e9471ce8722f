import { MpoError } from "@mpo/core";
import { type InputForm, type PictureForm, pictureForm } from "@mpo/datasets";
import { linearOf, type ModelInput } from "./input-form.ts";
import type { ModelGraph } from "./model-graph.ts";

export function inputOf({ nodes: [first], name }: ModelGraph): ModelInput {
  if (first?.kind !== "input") throw new Error(`model ${name} does not begin with its input`);
  return first.attributes;
}

/** The pictures that a model takes, and how they are brought to its size. Undefined for one that takes no images. */
export function pictureFormOf(graph: ModelGraph): PictureForm | undefined {
  const { shape, form } = inputOf(graph);
  return pictureForm(shape, form);
}

/** The graph with a statement of what it takes. Throws `invalid-argument` where its channels are not as many. */
export function withInputForm(graph: ModelGraph, form: InputForm | undefined): ModelGraph {
  const [first, ...rest] = graph.nodes;
  if (form === undefined || first?.kind !== "input") return graph;
  const channels = first.attributes.shape.at(-1) ?? 1;
  const { mean, deviation } = linearOf(form);
  const wrong = [mean, deviation].find(({ length }) => length !== 1 && length !== channels);
  if (wrong !== undefined || (form.order === "bgr" && channels !== 3)) {
    const stated = wrong === undefined ? "the order bgr" : `${wrong.length} means or deviations`;
    throw new MpoError(
      "invalid-argument",
      `${graph.name} takes ${channels} channels; its input is stated with ${stated}`,
    );
  }
  return { ...graph, nodes: [{ ...first, attributes: { ...first.attributes, form } }, ...rest] };
}

/** Beyond this no mean or deviation is of values of 0..1. */
const MOST_OF_UNIT = 2;

/**
 * What a model takes that begins with fixed arithmetic (`Rescaling`, `Normalization`): 0..255 where only that comes out as
 * small numbers, else 0..1. Undefined for one that begins otherwise.
 */
export function preparedForm({ nodes: [first, ...nodes] }: ModelGraph): InputForm | undefined {
  let name = first?.name;
  let isPrepared = false;
  let scale: readonly number[] = [1];
  let offset: readonly number[] = [0];
  for (;;) {
    const [reader, ...others] = nodes.filter(({ inputs }) => inputs.some((input) => input === name));
    if (reader?.kind !== "affine" || others.length > 0) break;
    const factors = reader.attributes.scale;
    const moves = reader.attributes.offset;
    offset = byChannel((moved, factor, move) => moved * factor + move, offset, factors, moves);
    scale = byChannel((before, factor) => before * factor, scale, factors);
    isPrepared = true;
    ({ name } = reader);
  }
  if (!isPrepared) return undefined;
  // Its means are offset / scale, its deviations 1 / scale.
  const most = byChannel((factor, moved) => Math.max(1, Math.abs(moved)) / Math.abs(factor), scale, offset);
  return { range: most.some((value) => value > MOST_OF_UNIT) ? "bytes" : "unit" };
}

/** Of lists of one number for all channels, or one for each. */
function byChannel(of: (...values: number[]) => number, ...lists: readonly (readonly number[])[]): readonly number[] {
  const channels = Math.max(...lists.map(({ length }) => length));
  return Array.from({ length: channels }, (_, at) => of(...lists.map((list) => list[at % list.length]!)));
}
