import { MpoError } from "@mpo/core";
import { GraphBuilder } from "../graph-builder.ts";
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
// normalisations, so they are put back: with the statistics of reference inputs, and with a scale and an offset that undo
// them. The model calculates the same; when it is written, they are folded again.

/** PyTorch's own; ONNX's momentum is the kept share. */
const EPSILON = 1e-5;
const MOMENTUM = 0.9;
/** Added to a convolution's name. */
const SUFFIX = "_norm";

type Convolution = Extract<ModelNode, { readonly kind: "conv2d" | "depthwiseConv2d" }>;

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

/**
 * A model whose outputs are, for each sample, the mean of each channel of these convolutions, one after the other, and
 * then in the same order the mean of its square: what a normalisation's statistics are made of.
 */
export function momentsModel({ graph, weights }: Model, convolutions: readonly ModelNode[]): Model {
  const g = new GraphBuilder(graph.name, sampleShapes(graph).get(graph.nodes[0]!.name)!, graph.nodes[0]!.name);
  const needed = new Set(convolutions.map(({ name }) => name));
  for (const { name, inputs } of graph.nodes.toReversed()) {
    if (needed.has(name)) for (const input of inputs) needed.add(input);
  }
  for (const node of graph.nodes.slice(1)) {
    if (needed.has(node.name)) g.append(node.kind, node.inputs, node.attributes, node.name);
  }
  const means = convolutions.map(({ name }) => g.globalAvgPool(name, `${name}_mean`));
  const squares = convolutions.map(({ name }) => {
    return g.globalAvgPool(g.multiply(name, name, `${name}_square`), `${name}_mean_square`);
  });
  const built = g.build(g.concat([...means, ...squares], "moments"));
  // A builder knows the input's shape, not its form.
  const moments = { ...built, nodes: [graph.nodes[0]!, ...built.nodes.slice(1)] };
  const kept = [...weights].filter(([name]) => moments.nodes.some((node) => name.startsWith(`${node.name}/`)));
  return { graph: moments, weights: new Map(kept) };
}

/**
 * The model with a batch normalisation after each of these convolutions that changes nothing. `moments`: outputs of
 * `momentsModel` for reference inputs, `[samples, 2 * channels]`. Throws `invalid-argument` for a model not from ONNX.
 */
export function withNorms(model: Model, convolutions: readonly Convolution[], moments: Float32Array): Model {
  const { graph, onnx } = model;
  if (onnx === undefined)
    throw new MpoError("invalid-argument", `model "${graph.name}" was not read from an ONNX file`);
  const weights = new Map(model.weights);
  const norms = new Map<string, string>();
  const channels = convolutions.reduce((sum, node) => sum + channelsOf(node, model), 0);
  const mean = columnMeans(moments, 2 * channels);
  let at = 0;
  for (const node of convolutions) {
    const name = `${node.name}${SUFFIX}`;
    const own = Float32Array.from({ length: channelsOf(node, model) }, (_, channel) => mean[at + channel]!);
    const variance = own.map((value, channel) => Math.max(0, mean[channels + at + channel]! - value ** 2));
    at += own.length;
    weights.set(
      `${name}/gamma`,
      variance.map((value) => Math.sqrt(value + EPSILON)),
    );
    weights.set(`${name}/beta`, own.slice());
    weights.set(`${name}/moving_mean`, own);
    weights.set(`${name}/moving_variance`, variance);
    norms.set(node.name, name);
  }
  const attributes = { epsilon: EPSILON, momentum: MOMENTUM, scale: true, center: true };
  const nodes = graph.nodes.flatMap((node): readonly ModelNode[] => {
    const moved = { ...node, inputs: node.inputs.map((input) => norms.get(input) ?? input) } as ModelNode;
    const name = norms.get(node.name);
    return name === undefined ? [moved] : [moved, { name, kind: "batchNorm", inputs: [node.name], attributes }];
  });
  return { graph: { ...graph, nodes }, weights, onnx: { ...onnx, norms } };
}

/** The weights of the file's own convolutions, with the normalisations that were put back in them again. */
export function foldedAgain({ graph, weights }: Model, { norms }: OnnxOrigin): ModelWeights {
  const folded = new Map(weights);
  for (const [convolution, norm] of norms ?? []) {
    const of = (name: string): Float32Array => weights.get(`${norm}/${name}`)!;
    const [gamma, beta, mean, variance] = [of("gamma"), of("beta"), of("moving_mean"), of("moving_variance")];
    const scale = Float64Array.from(gamma, (value, channel) => value / Math.sqrt(variance[channel]! + EPSILON));
    const { kind } = graph.nodes.find(({ name }) => name === convolution)!;
    const kernel = `${convolution}/${kind === "conv2d" ? "kernel" : "depthwise_kernel"}`;
    const bias = `${convolution}/bias`;
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

function channelsOf({ name }: ModelNode, { weights }: Model): number {
  return weights.get(`${name}/bias`)!.length;
}

function columnMeans(rows: Float32Array, columns: number): Float64Array {
  const sums = new Float64Array(columns);
  for (const [place, value] of rows.entries()) sums[place % columns]! += value;
  return sums.map((sum) => (sum * columns) / rows.length);
}
