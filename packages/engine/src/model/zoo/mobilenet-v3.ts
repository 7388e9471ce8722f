import { GraphBuilder } from "../graph-builder.ts";
import type { ActivationName, ModelGraph } from "../model-graph.ts";
import { invertedResidual } from "./inverted-residual.ts";
import { usesSmallForm, type ZooOptions, zooLayers } from "./zoo-layers.ts";

/** A row of the paper's tables, in the order of their columns; `expanded`: channels of the depthwise convolution. */
type Row = readonly [
  kernelSize: number,
  expanded: number,
  filters: number,
  squeeze: "gated" | "plain",
  activation: ActivationName,
  strides: number,
];

interface V3Form {
  readonly name: string;
  readonly blocks: readonly Row[];
  /** Channels of the last convolution and units of the layer before the logits. */
  readonly lastChannels: number;
  readonly lastUnits: number;
}

/** Table 1 of the paper. */
const LARGE: V3Form = {
  name: "mobilenet-v3-large",
  blocks: [
    [3, 16, 16, "plain", "relu", 1],
    [3, 64, 24, "plain", "relu", 2],
    [3, 72, 24, "plain", "relu", 1],
    [5, 72, 40, "gated", "relu", 2],
    [5, 120, 40, "gated", "relu", 1],
    [5, 120, 40, "gated", "relu", 1],
    [3, 240, 80, "plain", "hardSwish", 2],
    [3, 200, 80, "plain", "hardSwish", 1],
    [3, 184, 80, "plain", "hardSwish", 1],
    [3, 184, 80, "plain", "hardSwish", 1],
    [3, 480, 112, "gated", "hardSwish", 1],
    [3, 672, 112, "gated", "hardSwish", 1],
    [5, 672, 160, "gated", "hardSwish", 2],
    [5, 960, 160, "gated", "hardSwish", 1],
    [5, 960, 160, "gated", "hardSwish", 1],
  ],
  lastChannels: 960,
  lastUnits: 1280,
};

/** Table 2 of the paper. */
const SMALL: V3Form = {
  name: "mobilenet-v3-small",
  blocks: [
    [3, 16, 16, "gated", "relu", 2],
    [3, 72, 24, "plain", "relu", 2],
    [3, 88, 24, "plain", "relu", 1],
    [5, 96, 40, "gated", "hardSwish", 2],
    [5, 240, 40, "gated", "hardSwish", 1],
    [5, 240, 40, "gated", "hardSwish", 1],
    [5, 120, 48, "gated", "hardSwish", 1],
    [5, 144, 48, "gated", "hardSwish", 1],
    [5, 288, 96, "gated", "hardSwish", 2],
    [5, 576, 96, "gated", "hardSwish", 1],
    [5, 576, 96, "gated", "hardSwish", 1],
  ],
  lastChannels: 576,
  lastUnits: 1024,
};

const STEM_CHANNELS = 16;
const DROPOUT_RATE = 0.2;
/** Of the reference code; in ours `momentum` is what is kept. */
const BATCH_NORM = { epsilon: 1e-3, momentum: 0.99 };

/**
 * MobileNet-v3, width 1 (Howard et al. 2019): inverted residuals with squeeze-and-excite gates; gates squeeze to a quarter of the channels, rounded to a multiple
 * of 8, as the published weights have it. ImageNet form as in the paper. Form for small images: the first two layers
 * with stride 2 (the stem and one block) have stride 1, so that 32 x 32 ends as 4 x 4.
 */
export function mobilenetV3(size: "small" | "large", { norm, inputShape, classes, form }: ZooOptions): ModelGraph {
  const network = size === "small" ? SMALL : LARGE;
  const g = new GraphBuilder(network.name, inputShape);
  const layers = zooLayers(g, norm, BATCH_NORM);
  const isSmall = usesSmallForm(form, inputShape);
  const stem = { filters: STEM_CHANNELS, kernelSize: 3, strides: isSmall ? 1 : 2 };
  const firstStrided = network.blocks.findIndex(([, , , , , strides]) => strides > 1);
  let x = layers.conv(g.input, stem, "hardSwish", "stem");
  for (const [index, [kernelSize, expanded, filters, squeeze, activation, stride]] of network.blocks.entries()) {
    const strides = isSmall && index === firstStrided ? 1 : stride;
    const block = { kernelSize, expanded, filters, hasGate: squeeze === "gated", activation, strides };
    x = invertedResidual(g, layers, x, block, `block${index + 1}`);
  }
  x = layers.conv(x, { filters: network.lastChannels, kernelSize: 1 }, "hardSwish", "last");
  const hidden = g.activation(
    g.dense(g.globalAvgPool(x, "pool"), network.lastUnits, "hidden"),
    "hardSwish",
    "hidden_act",
  );
  return g.build(g.dense(g.dropout(hidden, DROPOUT_RATE, "dropout"), classes, "logits"));
}
