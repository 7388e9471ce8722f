import { GraphBuilder } from "../model/graph-builder.ts";
import type { ModelGraph } from "../model/model-graph.ts";

export const MIXED_CLASSES = 5;

/**
 * A small network with the blocks of all families: residual, inverted residual with a gate and a unit that ends in its
 * normalisation, dense block that begins with one, groups, dropout.
 */
export function mixedGraph(norm: "batch" | "group"): ModelGraph {
  const g = new GraphBuilder(`mixed-${norm}`, [12, 12, 3]);
  const normed = (x: string, name: string): string =>
    norm === "batch"
      ? g.batchNorm(x, { epsilon: 1e-3, momentum: 0.9 }, name)
      : g.groupNorm(x, { groups: 4, epsilon: 1e-5 }, name);
  const relu = (x: string, name: string): string => g.activation(x, "relu", name);

  let x = relu(normed(g.conv2d(g.input, { filters: 8, kernelSize: 3 }, "stem_conv"), "stem_norm"), "stem");
  const inner = relu(
    normed(g.conv2d(x, { filters: 8, kernelSize: 3, groups: 2 }, "res_1_conv"), "res_1_norm"),
    "res_1",
  );
  x = relu(
    g.add(normed(g.conv2d(inner, { filters: 8, kernelSize: 3 }, "res_2_conv"), "res_2_norm"), x, "res_add"),
    "res",
  );

  let wide = g.activation(
    normed(g.conv2d(x, { filters: 16, kernelSize: 1 }, "expand_conv"), "expand_norm"),
    "hardSwish",
    "expand",
  );
  wide = g.depthwiseConv2d(wide, { kernelSize: 3, strides: 2 }, "depthwise");
  wide = g.activation(normed(wide, "depthwise_norm"), "swish", "depthwise_out");
  const pooled = g.conv2d(
    g.globalAvgPool(wide, "gate_pool", true),
    { filters: 16, kernelSize: 1, useBias: true },
    "gate_conv",
  );
  wide = g.multiply(wide, g.activation(pooled, "hardSigmoid", "gate"), "gated");
  x = normed(g.conv2d(wide, { filters: 12, kernelSize: 1 }, "project_conv"), "project_norm");

  const pre = relu(normed(x, "dense_norm"), "dense_relu");
  x = g.concat([x, g.conv2d(pre, { filters: 4, kernelSize: 3 }, "dense_conv")], "dense_concat");
  x = g.avgPool(
    g.activation(
      g.conv2d(relu(normed(x, "transition_norm"), "transition_relu"), { filters: 8, kernelSize: 1 }, "transition_conv"),
      "tanh",
      "transition",
    ),
    { poolSize: 2 },
    "transition_pool",
  );
  x = g.append("affine", [x], { scale: [0.5], offset: [0.1] }, "scaled");
  x = g.activation(g.append("layerNorm", [x], { epsilon: 1e-3, scale: true, center: true }, "layers"), "gelu", "gelu");
  x = g.append(
    "dropout",
    [g.append("upsample", [x], { factors: [2, 1] }, "wider")],
    { rate: 0.2, whole: "channels" },
    "drop",
  );
  x = g.append(
    "prelu",
    [g.conv2d(x, { filters: 8, kernelSize: 3, strides: [2, 1] }, "narrow")],
    { sharedAxes: [0, 1] },
    "prelu",
  );
  x = g.dropout(x, 0.2, "dropout");
  x = relu(normed(g.conv2d(x, { filters: 8, kernelSize: 3, useBias: true }, "last_conv"), "last_norm"), "last");
  return g.build(g.dense(g.globalAvgPool(x, "pool"), MIXED_CLASSES, "logits"));
}
