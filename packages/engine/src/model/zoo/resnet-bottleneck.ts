import { GraphBuilder } from "../graph-builder.ts";
import type { ModelGraph } from "../model-graph.ts";
import { usesSmallForm, type ZooLayers, type ZooOptions, zooLayers } from "./zoo-layers.ts";

/** `width`: channels of the first stage's 3x3 convolution. */
const NETWORKS = {
  /** He et al. 2016. */
  resnet50: { blocks: [3, 4, 6, 3], width: 64, groups: 1 },
  resnet101: { blocks: [3, 4, 23, 3], width: 64, groups: 1 },
  /** 32x4d (Xie et al. 2017): 32 groups of 4 channels in the first stage. */
  resnext50: { blocks: [3, 4, 6, 3], width: 128, groups: 32 },
} as const;

const FIRST_STAGE_OUTPUT = 256;

/**
 * Four stages of bottleneck blocks, stride in the 3x3 convolution ("v1.5"), projection shortcuts where the shape
 * changes. ImageNet form: 7x7 stem of stride 2 and a 3x3 max pooling of stride 2. Form for small images: 3x3 stem of
 * stride 1, no pooling. Strided windows are padded TensorFlow's way ("same").
 */
export function bottleneckResnet(
  name: keyof typeof NETWORKS,
  { norm, inputShape, classes, form }: ZooOptions,
): ModelGraph {
  const network = NETWORKS[name];
  const g = new GraphBuilder(name, inputShape);
  const layers = zooLayers(g, norm);
  let x = layers.stem(g.input, 64, usesSmallForm(form, inputShape));
  for (const [stage, blocks] of network.blocks.entries()) {
    for (let block = 0; block < blocks; block++) {
      const shape = {
        width: network.width * 2 ** stage,
        filters: FIRST_STAGE_OUTPUT * 2 ** stage,
        groups: network.groups,
        strides: stage > 0 && block === 0 ? 2 : 1,
      };
      x = bottleneck(g, layers, x, shape, `stage${stage + 1}_block${block + 1}`);
    }
  }
  return g.build(g.dense(g.globalAvgPool(x, "pool"), classes, "logits"));
}

interface BottleneckShape {
  readonly width: number;
  readonly filters: number;
  readonly groups: number;
  readonly strides: number;
}

function bottleneck(g: GraphBuilder, layers: ZooLayers, x: string, shape: BottleneckShape, name: string): string {
  const { width, filters, groups, strides } = shape;
  const reduced = layers.conv(x, { filters: width, kernelSize: 1 }, "relu", `${name}_1`);
  const inner = layers.conv(reduced, { filters: width, kernelSize: 3, strides, groups }, "relu", `${name}_2`);
  const residual = layers.conv(inner, { filters, kernelSize: 1 }, "linear", `${name}_3`);
  const keepsShape = strides === 1 && g.channelsOf(x) === filters;
  const shortcut = keepsShape ? x : layers.conv(x, { filters, kernelSize: 1, strides }, "linear", `${name}_shortcut`);
  return g.activation(g.add(residual, shortcut, `${name}_add`), "relu", `${name}_out`);
}
