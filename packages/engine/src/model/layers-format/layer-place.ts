import { MpoError } from "@mpo/core";
import type { z } from "zod";
import type { GraphBuilder } from "../graph-builder.ts";
import type { OpAttributes, OpKind } from "../model-graph.ts";

/** Where an imported layer is put. Messages need not name the layer; the caller does. */
export interface LayerPlace {
  readonly g: GraphBuilder;
  /** Name of the layer and of its main node. */
  readonly name: string;
  /** Nodes that it reads. */
  readonly inputs: readonly string[];
  /** Numbers that it calculates with; only arithmetic has any. */
  readonly constants: readonly number[];
  readonly kerasVersion: string;
  /** Channel groups of an ordinary convolution that stands for a grouped one. */
  readonly groups: number | undefined;
  /** Values of a weight of the layer that are part of the graph, not of what can be trained. */
  readonly weight: (variable: string, position: number) => Float32Array | undefined;
  /** Says in which stored weight a node's variable lies, when not in the one of the same name. */
  readonly weightFrom: (variable: string, storedName: string) => void;
}

/** Adds the nodes of a layer and gives the name of the last. */
export type LayerImport = (config: unknown, place: LayerPlace) => string;

export function layer<T>(schema: z.ZodType<T>, add: (config: T, place: LayerPlace) => string): LayerImport {
  return (config, place) => {
    const result = schema.safeParse(config);
    if (result.success) return add(result.data, place);
    const [issue] = result.error.issues;
    const found = issue?.path.reduce((value: unknown, key) => (value as Record<PropertyKey, unknown>)?.[key], config);
    throw new MpoError("unsupported", `${issue?.path.join(".")} is ${JSON.stringify(found)}: ${issue?.message}`, {
      cause: result.error,
    });
  };
}

/** A layer that becomes one node, with the attributes that its configuration says. */
export function oneNode<T, Kind extends OpKind>(
  kind: Kind,
  schema: z.ZodType<T>,
  attributesOf: (config: T, place: LayerPlace) => OpAttributes[Kind],
): LayerImport {
  return layer(schema, (config, place) => place.g.append(kind, place.inputs, attributesOf(config, place), place.name));
}

/** Runs what needs an image on features, `[c]` or `[n, c]`, as on an image of one row. */
export function onMap({ g, name, inputs }: LayerPlace, add: (x: string) => string): string {
  const x = onlyInput(inputs);
  const shape = g.shapeOf(x);
  if (shape.length === 3) return add(x);
  const node = add(g.reshape(x, [1, ...(shape.length === 1 ? [1] : []), ...shape], `${name}_map`));
  return g.reshape(node, [...shape.slice(0, -1), g.shapeOf(node).at(-1)!], `${name}_flat`);
}

/** Layers join any number of inputs, our nodes two. */
export function chained(
  name: string,
  inputs: readonly string[],
  join: (left: string, right: string, name: string) => string,
): string {
  const [first = "", ...rest] = inputs;
  if (rest.length === 0) throw new MpoError("unsupported", `it has ${inputs.length} inputs; expected two or more`);
  return rest.reduce(
    (left, right, index) => join(left, right, index === rest.length - 1 ? name : `${name}_${index + 1}`),
    first,
  );
}

export function requireLastAxis(axis: number, { g, inputs }: LayerPlace): void {
  // The file counts the batch as axis 0.
  const rank = g.shapeOf(onlyInput(inputs)).length;
  if (axis !== -1 && axis !== rank) {
    throw new MpoError("unsupported", `axis is ${axis}; expected the last (-1 or ${rank}), channels last`);
  }
}

export function onlyInput([input]: readonly string[]): string {
  if (input === undefined) throw new MpoError("invalid-data", "it has no input; expected one");
  return input;
}
