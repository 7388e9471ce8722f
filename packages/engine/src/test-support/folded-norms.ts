import type { Model, ModelNode } from "../model/model-graph.ts";

/** The same model without dropout, and with each normalisation in the convolution before it, as exporters leave them. */
export function withFoldedNorms({ graph, weights }: Model): Model {
  const changed = new Map(weights);
  const nodes = [...graph.nodes];
  const place = new Map(nodes.map(({ name }, at) => [name, at] as const));
  graph.nodes.forEach((norm, at) => {
    if (norm.kind === "dropout") nodes[at] = { ...norm, attributes: { rate: 0 } };
    if (norm.kind !== "batchNorm") return;
    const before = place.get(norm.inputs[0]!)!;
    const conv = graph.nodes[before]!;
    if (conv.kind !== "conv2d" && conv.kind !== "depthwiseConv2d") throw new Error(`${norm.name} follows ${conv.kind}`);
    const of = (name: string): Float32Array => weights.get(`${norm.name}/${name}`)!;
    const [gamma, beta, mean, variance] = [of("gamma"), of("beta"), of("moving_mean"), of("moving_variance")];
    const scale = gamma.map((value, channel) => value / Math.sqrt(variance[channel]! + norm.attributes.epsilon));
    const kernel = `${conv.name}/${conv.kind === "conv2d" ? "kernel" : "depthwise_kernel"}`;
    const bias = weights.get(`${conv.name}/bias`) ?? new Float32Array(scale.length);
    changed.set(
      kernel,
      weights.get(kernel)!.map((value, index) => value * scale[index % scale.length]!),
    );
    changed.set(
      `${conv.name}/bias`,
      beta.map((value, channel) => value + (bias[channel]! - mean[channel]!) * scale[channel]!),
    );
    nodes[before] = { ...conv, attributes: { ...conv.attributes, useBias: true } } as ModelNode;
    nodes[at] = { ...norm, kind: "activation", attributes: { function: "linear" } };
    for (const name of weights.keys()) if (name.startsWith(`${norm.name}/`)) changed.delete(name);
  });
  return { graph: { ...graph, nodes }, weights: changed };
}
