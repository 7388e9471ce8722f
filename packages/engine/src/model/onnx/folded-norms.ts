import { MpoError } from "@mpo/core";
import { sampleShapes } from "../graph-shapes.ts";
import {
  elementsOf,
  type Model,
  type ModelGraph,
  type ModelNode,
  type ModelWeights,
  type OpKind,
} from "../model-graph.ts";
import type { OnnxOrigin } from "./onnx-origin.ts";

// Exporters fold a batch normalisation into the convolution before it, which then has a bias. Tent trains nothing but
// normalisations, so they are put back: with the statistics of reference inputs (`norm-moments.ts`), and with a scale and an
// offset that undo them. The model calculates the same. When it is written, they are folded again, and what they were lies in
// a file beside it (`norms-file.ts`).

/** PyTorch's own; ONNX's momentum is the kept share. */
export const EPSILON = 1e-5;
const MOMENTUM = 0.9;
/** Added to a convolution's name. */
const SUFFIX = "_norm";

export type Convolution = Extract<ModelNode, { readonly kind: "conv2d" | "depthwiseConv2d" }>;

/** Where no batch normalisation was: beside layer norms, and before the tokens of a transformer. */
const OTHER_NEIGHBOURS: ReadonlySet<string> = new Set<OpKind | "classToken" | "positions">([
  ...(["layerNorm", "groupNorm", "batchNorm", "classToken", "positions"] as const),
]);

/** Convolutions of maps whose bias, by all the signs, holds a batch normalisation. */
export function foldedConvolutions(graph: ModelGraph): readonly Convolution[] {
  const shapes = sampleShapes(graph);
  const byName = new Map(graph.nodes.map((node) => [node.name, node] as const));
  const readersOf = (name: string): readonly ModelNode[] =>
    graph.nodes
      .filter(({ inputs }) => inputs.includes(name))
      .flatMap((node) => (node.kind === "reshape" ? readersOf(node.name) : [node]));
  return graph.nodes.filter((node): node is Convolution => {
    if ((node.kind !== "conv2d" && node.kind !== "depthwiseConv2d") || !node.attributes.useBias) return false;
    const neighbours = [byName.get(node.inputs[0]!)!, ...readersOf(node.name)];
    const isMap = elementsOf(shapes.get(node.name)!.slice(0, 2)) > 1;
    return isMap && node.name !== graph.output && !neighbours.some(({ kind }) => OTHER_NEIGHBOURS.has(kind));
  });
}

/** What a normalisation that is put back has, each a number for each channel. */
export const NORM_PARTS = ["gamma", "beta", "moving_mean", "moving_variance"] as const;

/** Name of the normalisation that is put back after a convolution. */
export function normOf({ name }: Pick<ModelNode, "name">): string {
  return `${name}${SUFFIX}`;
}

/** How many channels a convolution gives. */
export function channelsOf({ name }: Pick<ModelNode, "name">, { weights }: Model): number {
  return weights.get(`${name}/bias`)!.length;
}

/**
 * The model with a batch normalisation after each of these convolutions, of which it still calculates the same: what the
 * normalisation does is taken out of the convolution. `norms`: its `NORM_PARTS`, by the names of the engine's variables.
 * Throws `invalid-argument` for a model not from ONNX.
 */
export function withNorms(model: Model, convolutions: readonly Convolution[], norms: ModelWeights): Model {
  const { graph, onnx } = model;
  if (onnx === undefined)
    throw new MpoError("invalid-argument", `model "${graph.name}" was not read from an ONNX file`);
  const weights = new Map([...model.weights, ...norms]);
  for (const node of convolutions) {
    const { gamma, beta, mean, scale } = normIn(normOf(node), norms);
    const [kernel, bias] = [kernelOf(node), `${node.name}/bias`];
    weights.set(
      kernel,
      model.weights.get(kernel)!.map((value, index) => unscaled(value, scale[index % scale.length]!)),
    );
    weights.set(
      bias,
      gamma.map((_, at) => unscaled(model.weights.get(bias)![at]! - beta[at]!, scale[at]!) + mean[at]!),
    );
  }
  const names = new Map(convolutions.map((node) => [node.name, normOf(node)] as const));
  const attributes = { epsilon: EPSILON, momentum: MOMENTUM, scale: true, center: true };
  const nodes = graph.nodes.flatMap((node): readonly ModelNode[] => {
    const moved = { ...node, inputs: node.inputs.map((input) => names.get(input) ?? input) } as ModelNode;
    const name = names.get(node.name);
    return name === undefined ? [moved] : [moved, { name, kind: "batchNorm", inputs: [node.name], attributes }];
  });
  return { graph: { ...graph, nodes }, weights, onnx: { ...onnx, norms: names } };
}

/** The weights of the file's own convolutions, with the normalisations that were put back in them again. */
export function foldedAgain({ graph, weights }: Model, { norms }: OnnxOrigin): ModelWeights {
  const folded = new Map(weights);
  for (const [convolution, norm] of norms ?? []) {
    const { beta, mean, scale } = normIn(norm, weights);
    const [kernel, bias] = [kernelOf(graph.nodes.find(({ name }) => name === convolution)!), `${convolution}/bias`];
    folded.set(
      kernel,
      weights.get(kernel)!.map((value, index) => value * scale[index % scale.length]!),
    );
    folded.set(
      bias,
      weights.get(bias)!.map((value, channel) => (value - mean[channel]!) * scale[channel]! + beta[channel]!),
    );
  }
  return folded;
}

function normIn(norm: string, weights: ModelWeights) {
  const [gamma, beta, mean, variance] = NORM_PARTS.map((part) => weights.get(`${norm}/${part}`)!) as [
    Float32Array,
    Float32Array,
    Float32Array,
    Float32Array,
  ];
  const scale = Float64Array.from(gamma, (value, channel) => value / Math.sqrt(variance[channel]! + EPSILON));
  return { gamma, beta, mean, scale };
}

/** A channel that training has brought to 0 stays at 0: what was there before is in no file. */
function unscaled(value: number, scale: number): number {
  return scale === 0 ? 0 : value / scale;
}

function kernelOf({ name, kind }: ModelNode): string {
  return `${name}/${kind === "conv2d" ? "kernel" : "depthwise_kernel"}`;
}
