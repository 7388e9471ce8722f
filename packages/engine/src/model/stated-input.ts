import { MpoError } from "@mpo/core";
import { type InputForm, linearOf, type ModelInput } from "./input-form.ts";
import type { ModelGraph } from "./model-graph.ts";

/** What a model's input node says. */
export function inputOf({ nodes: [first], name }: ModelGraph): ModelInput {
  if (first?.kind !== "input") throw new Error(`model ${name} does not begin with its input`);
  return first.attributes;
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
