import { GraphBuilder } from "../graph-builder.ts";
import type { ModelGraph } from "../model-graph.ts";
import { type ZooLayers, type ZooOptions, zooLayers } from "./zoo-layers.ts";

const STAGE_CHANNELS = [16, 32, 64] as const;
const BLOCKS_PER_STAGE = 3;

/**
 * ResNet-20 for small images (He et al. 2016, section 4.2): a 3x3 convolution, three stages of three blocks of two 3x3
 * convolutions. Where a stage begins, the shortcut is a projection (1x1 convolution, option B); the paper's CIFAR
 * models pad with zeros (option A), which has 2,752 parameters less. The same form for every input size.
 */
export function resnet20({ norm, inputShape, classes }: ZooOptions): ModelGraph {
  const g = new GraphBuilder("resnet20", inputShape);
  const layers = zooLayers(g, norm);
  let x = layers.conv(g.input, { filters: STAGE_CHANNELS[0], kernelSize: 3 }, "relu", "stem");
  for (const [stage, filters] of STAGE_CHANNELS.entries()) {
    for (let block = 0; block < BLOCKS_PER_STAGE; block++) {
      const strides = stage > 0 && block === 0 ? 2 : 1;
      x = basicBlock(g, layers, x, filters, strides, `stage${stage + 1}_block${block + 1}`);
    }
  }
  return g.build(g.dense(g.globalAvgPool(x, "pool"), classes, "logits"));
}

function basicBlock(
  g: GraphBuilder,
  layers: ZooLayers,
  x: string,
  filters: number,
  strides: number,
  name: string,
): string {
  const inner = layers.conv(x, { filters, kernelSize: 3, strides }, "relu", `${name}_1`);
  const residual = layers.conv(inner, { filters, kernelSize: 3 }, "linear", `${name}_2`);
  const shortcut =
    strides === 1 ? x : layers.conv(x, { filters, kernelSize: 1, strides }, "linear", `${name}_shortcut`);
  return g.activation(g.add(residual, shortcut, `${name}_add`), "relu", `${name}_out`);
}
