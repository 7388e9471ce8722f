import { GraphBuilder } from "../graph-builder.ts";
import { sampleShapes } from "../graph-shapes.ts";
import type { Model, ModelNode, ModelWeights } from "../model-graph.ts";
import { type Convolution, channelsOf, EPSILON, normOf } from "./folded-norms.ts";

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
 * Normalisations for `withNorms` that change nothing, with the statistics of reference inputs. `moments`: outputs of
 * `momentsModel` for these, `[samples, 2 * channels]`.
 */
export function normsOfMoments(
  model: Model,
  convolutions: readonly Convolution[],
  moments: Float32Array,
): ModelWeights {
  const norms = new Map<string, Float32Array>();
  const channels = convolutions.reduce((sum, node) => sum + channelsOf(node, model), 0);
  const mean = columnMeans(moments, 2 * channels);
  let at = 0;
  for (const node of convolutions) {
    const own = Float32Array.from({ length: channelsOf(node, model) }, (_, channel) => mean[at + channel]!);
    const variance = own.map((value, channel) => Math.max(0, mean[channels + at + channel]! - value ** 2));
    at += own.length;
    setNorm(norms, normOf(node), own, variance);
  }
  return norms;
}

/** The same without looking at inputs: for what does not depend on weights, such as memory and time. */
export function neutralNorms(model: Model, convolutions: readonly Convolution[]): ModelWeights {
  const norms = new Map<string, Float32Array>();
  for (const node of convolutions) {
    const none = new Float32Array(channelsOf(node, model));
    setNorm(
      norms,
      normOf(node),
      none,
      none.map(() => 1),
    );
  }
  return norms;
}

function setNorm(norms: Map<string, Float32Array>, name: string, mean: Float32Array, variance: Float32Array): void {
  norms.set(
    `${name}/gamma`,
    variance.map((value) => Math.sqrt(value + EPSILON)),
  );
  norms.set(`${name}/beta`, mean.slice());
  norms.set(`${name}/moving_mean`, mean);
  norms.set(`${name}/moving_variance`, variance);
}

function columnMeans(rows: Float32Array, columns: number): Float64Array {
  const sums = new Float64Array(columns);
  for (const [place, value] of rows.entries()) sums[place % columns]! += value;
  return sums.map((sum) => (sum * columns) / rows.length);
}
