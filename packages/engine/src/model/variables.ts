import { MpoError } from "@mpo/core";
import { createRandom, deriveSeed } from "@mpo/datasets";
import type { VariableSpec } from "../ops/op-definition.ts";
import { opDefinition } from "../ops/op-table.ts";
import { inputShapesOf, sampleShapes } from "./graph-shapes.ts";
import { initialValues } from "./initializers.ts";
import {
  elementsOf,
  type Model,
  type ModelGraph,
  type ModelNode,
  type ModelWeights,
  type SampleShape,
} from "./model-graph.ts";

export interface GraphVariable {
  /** `<node>/<variable>`. */
  readonly name: string;
  readonly node: string;
  readonly spec: VariableSpec;
}

/** Number of values in a model's variables. */
export interface ParameterCount {
  readonly trainable: number;
  /** With moving statistics. */
  readonly total: number;
}

/** A model's variables in execution order. Throws `invalid-argument` when the graph's shapes do not fit. */
export function graphVariables(graph: ModelGraph): readonly GraphVariable[] {
  const shapes = sampleShapes(graph);
  return graph.nodes.flatMap((node) =>
    variablesOf(node, inputShapesOf(node, shapes)).map((spec) => {
      return { name: `${node.name}/${spec.name}`, node: node.name, spec };
    }),
  );
}

export function variablesOf(node: ModelNode, inputShapes: readonly SampleShape[]): readonly VariableSpec[] {
  return opDefinition(node.kind).variables?.(node.attributes, inputShapes) ?? [];
}

export function parameterCount(graph: ModelGraph): ParameterCount {
  let trainable = 0;
  let total = 0;
  for (const { spec } of graphVariables(graph)) {
    const count = elementsOf(spec.shape);
    total += count;
    if (spec.trainable) trainable += count;
  }
  return { trainable, total };
}

/**
 * Fresh weights. Each variable has its own generator, seeded from `seed` and its name, so its values do not depend on
 * the rest of the model. Throws `invalid-argument` when the seed is not a safe whole number.
 */
export function initialWeights(graph: ModelGraph, seed: number): ModelWeights {
  return new Map(
    graphVariables(graph).map(({ name, spec }) => [name, initialValues(spec, createRandom(deriveSeed(seed, name)))]),
  );
}

/**
 * Checks that the weights are those of the graph, all there and nothing more (`invalid-argument`), and finite
 * (`invalid-data`).
 */
export function checkWeights({ graph, weights }: Model): void {
  const variables = graphVariables(graph);
  for (const { name, spec } of variables) {
    const values = weights.get(name);
    if (values?.length !== elementsOf(spec.shape)) {
      throw new MpoError(
        "invalid-argument",
        `model "${graph.name}": weight "${name}" has ${values?.length ?? "no"} values; expected ${elementsOf(spec.shape)} for shape [${spec.shape}]`,
      );
    }
    const bad = values.findIndex((value) => !Number.isFinite(value));
    if (bad >= 0) {
      throw new MpoError(
        "invalid-data",
        `model "${graph.name}": weight "${name}" is ${values[bad]} at element ${bad}; expected finite numbers`,
      );
    }
  }
  if (weights.size !== variables.length) {
    const known = new Set(variables.map(({ name }) => name));
    const extra = [...weights.keys()].find((name) => !known.has(name));
    throw new MpoError("invalid-argument", `model "${graph.name}": there is a weight "${extra}" that no node has`);
  }
}
