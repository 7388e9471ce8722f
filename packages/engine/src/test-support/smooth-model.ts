import { createRandom, deriveSeed } from "@mpo/datasets";
import type { ActivationName, Model, ModelGraph, ModelNode } from "../model/model-graph.ts";
import { elementsOf } from "../model/model-graph.ts";
import { graphVariables } from "../model/variables.ts";

const SMOOTH: Partial<Record<ActivationName, ActivationName>> = {
  relu: "swish",
  relu6: "swish",
  leakyRelu: "swish",
  clippedRelu: "swish",
  hardSwish: "swish",
  hardSigmoid: "sigmoid",
};
const RESIDUAL_SCALE = 0.3;

/**
 * A model of the same structure whose gradients are well conditioned, so that two correct computations of them agree
 * closely. Activations have no kink (rounding flips the mask of a ReLU here and there, and one element of a layer is
 * 1e-3 of its gradient already), there is no dropout, and residual branches are small.
 */
export function smoothModel(graph: ModelGraph, seed: number): Model {
  const nodes = graph.nodes.map(smooth);
  const residuals = new Set(nodes.flatMap((node) => (node.kind === "add" ? node.inputs.slice(0, 1) : [])));
  const smoothed = { ...graph, nodes };
  const weights = new Map<string, Float32Array>();
  for (const { name, node, spec } of graphVariables(smoothed)) {
    const random = fastRandom(deriveSeed(seed, name));
    const spread = (middle: number, reach: number): Float32Array =>
      new Float32Array(elementsOf(spec.shape)).map(() => middle + reach * (2 * random() - 1));
    const fanIn = elementsOf(spec.shape.slice(0, spec.name === "depthwise_kernel" ? -2 : -1));
    const isResidual = spec.name === "gamma" && residuals.has(node);
    if (spec.name.endsWith("kernel")) weights.set(name, spread(0, Math.sqrt(6 / fanIn)));
    else if (spec.initializer === "ones") weights.set(name, spread(isResidual ? RESIDUAL_SCALE : 1, 0.2));
    else weights.set(name, spread(0, 0.2));
  }
  return { graph: smoothed, weights };
}

function smooth(node: ModelNode): ModelNode {
  if (node.kind === "dropout") return { ...node, attributes: { rate: 0 } };
  if (node.kind !== "activation") return node;
  return { ...node, attributes: { function: SMOOTH[node.attributes.function] ?? node.attributes.function } };
}

/** Tens of millions of weights are drawn: a linear congruential generator (Numerical Recipes) will do. */
function fastRandom(seed: number): () => number {
  let state = createRandom(seed).integer(2 ** 32);
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}
