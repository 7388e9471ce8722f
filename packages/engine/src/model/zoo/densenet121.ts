import { GraphBuilder } from "../graph-builder.ts";
import type { ModelGraph } from "../model-graph.ts";
import { usesSmallForm, type ZooLayers, type ZooOptions, zooLayers } from "./zoo-layers.ts";

const BLOCKS = [6, 12, 24, 16] as const;
const GROWTH = 32;
const BOTTLENECK_FACTOR = 4;

/**
 * DenseNet-121 (Huang et al. 2017), growth 32, bottlenecks, compression 0.5. Each layer's output is concatenated to all
 * before it, one `concat(x, new)` a layer, so that each layer is its own unit. ImageNet form: 7x7 stem of stride
 * 2 and a 3x3 max pooling of stride 2. Form for small images: 3x3 stem of stride 1, no pooling.
 */
export function densenet121({ norm, inputShape, classes, form }: ZooOptions): ModelGraph {
  const g = new GraphBuilder("densenet121", inputShape);
  const layers = zooLayers(g, norm);
  let x = layers.stem(g.input, 2 * GROWTH, usesSmallForm(form, inputShape));
  for (const [block, count] of BLOCKS.entries()) {
    if (block > 0) x = transition(g, layers, x, `transition${block}`);
    for (let layer = 0; layer < count; layer++) {
      x = denseLayer(g, layers, x, `block${block + 1}_layer${layer + 1}`);
    }
  }
  const last = g.activation(layers.norm(x, "last_norm"), "relu", "last_act");
  return g.build(g.dense(g.globalAvgPool(last, "pool"), classes, "logits"));
}

function denseLayer(g: GraphBuilder, layers: ZooLayers, x: string, name: string): string {
  const before = g.activation(layers.norm(x, `${name}_0_norm`), "relu", `${name}_0_act`);
  const bottleneck = { filters: BOTTLENECK_FACTOR * GROWTH, kernelSize: 1 };
  const inner = layers.conv(before, bottleneck, "relu", `${name}_1`);
  const added = g.conv2d(inner, { filters: GROWTH, kernelSize: 3 }, `${name}_2_conv`);
  return g.concat([x, added], `${name}_concat`);
}

function transition(g: GraphBuilder, layers: ZooLayers, x: string, name: string): string {
  const before = g.activation(layers.norm(x, `${name}_norm`), "relu", `${name}_act`);
  const filters = Math.floor(g.channelsOf(x) / 2);
  const reduced = g.conv2d(before, { filters, kernelSize: 1 }, `${name}_conv`);
  return g.avgPool(reduced, { poolSize: 2 }, `${name}_pool`);
}
