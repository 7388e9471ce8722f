import { GraphBuilder } from "../graph-builder.ts";
import type { ActivationName, ModelGraph } from "../model-graph.ts";
import { usesSmallForm, type ZooLayers, type ZooOptions, zooLayers } from "./zoo-layers.ts";

interface Block {
  readonly kernelSize: number;
  /** Channels of the depthwise convolution. */
  readonly expanded: number;
  readonly filters: number;
  readonly hasGate: boolean;
  readonly activation: ActivationName;
  readonly strides: number;
}

interface V3Form {
  readonly name: string;
  readonly blocks: readonly Block[];
  /** Channels of the last convolution and units of the layer before the logits. */
  readonly lastChannels: number;
  readonly lastUnits: number;
}

/** Table 1 of the paper. */
const LARGE: V3Form = {
  name: "mobilenet-v3-large",
  blocks: [
    plain(3, 16, 16, "relu", 1),
    plain(3, 64, 24, "relu", 2),
    plain(3, 72, 24, "relu", 1),
    gated(5, 72, 40, "relu", 2),
    gated(5, 120, 40, "relu", 1),
    gated(5, 120, 40, "relu", 1),
    plain(3, 240, 80, "hardSwish", 2),
    plain(3, 200, 80, "hardSwish", 1),
    plain(3, 184, 80, "hardSwish", 1),
    plain(3, 184, 80, "hardSwish", 1),
    gated(3, 480, 112, "hardSwish", 1),
    gated(3, 672, 112, "hardSwish", 1),
    gated(5, 672, 160, "hardSwish", 2),
    gated(5, 960, 160, "hardSwish", 1),
    gated(5, 960, 160, "hardSwish", 1),
  ],
  lastChannels: 960,
  lastUnits: 1280,
};

/** Table 2 of the paper. */
const SMALL: V3Form = {
  name: "mobilenet-v3-small",
  blocks: [
    gated(3, 16, 16, "relu", 2),
    plain(3, 72, 24, "relu", 2),
    plain(3, 88, 24, "relu", 1),
    gated(5, 96, 40, "hardSwish", 2),
    gated(5, 240, 40, "hardSwish", 1),
    gated(5, 240, 40, "hardSwish", 1),
    gated(5, 120, 48, "hardSwish", 1),
    gated(5, 144, 48, "hardSwish", 1),
    gated(5, 288, 96, "hardSwish", 2),
    gated(5, 576, 96, "hardSwish", 1),
    gated(5, 576, 96, "hardSwish", 1),
  ],
  lastChannels: 576,
  lastUnits: 1024,
};

const STEM_CHANNELS = 16;
const DROPOUT_RATE = 0.2;
/** Of the reference code; in ours `momentum` is what is kept. */
const BATCH_NORM = { epsilon: 1e-3, momentum: 0.99 };

/** MobileNet-v3 large, width 1 (Howard et al. 2019). See `mobilenetV3`. */
export function mobilenetV3Large(options: ZooOptions): ModelGraph {
  return mobilenetV3(LARGE, options);
}

/** MobileNet-v3 small, width 1 (Howard et al. 2019). See `mobilenetV3`. */
export function mobilenetV3Small(options: ZooOptions): ModelGraph {
  return mobilenetV3(SMALL, options);
}

/**
 * Inverted residuals with squeeze-and-excite gates; gates squeeze to a quarter of the channels, rounded to a multiple
 * of 8, as the published weights have it. ImageNet form as in the paper. Form for small images: the first two layers
 * with stride 2 (the stem and one block) have stride 1, so that 32 x 32 ends as 4 x 4.
 */
function mobilenetV3(network: V3Form, { norm, inputShape, classes, form }: ZooOptions): ModelGraph {
  const g = new GraphBuilder(network.name, inputShape);
  const layers = zooLayers(g, norm, BATCH_NORM);
  const isSmall = usesSmallForm({ form, inputShape });
  const stem = { filters: STEM_CHANNELS, kernelSize: 3, strides: isSmall ? 1 : 2 };
  const firstStrided = network.blocks.findIndex((block) => block.strides > 1);
  let x = layers.conv(g.input, stem, "hardSwish", "stem");
  for (const [index, block] of network.blocks.entries()) {
    const strides = isSmall && index === firstStrided ? 1 : block.strides;
    x = invertedResidual(g, layers, x, { ...block, strides }, `block${index + 1}`);
  }
  x = layers.conv(x, { filters: network.lastChannels, kernelSize: 1 }, "hardSwish", "last");
  const hidden = g.activation(
    g.dense(g.globalAvgPool(x, "pool"), network.lastUnits, "hidden"),
    "hardSwish",
    "hidden_act",
  );
  return g.build(g.dense(g.dropout(hidden, DROPOUT_RATE, "dropout"), classes, "logits"));
}

function invertedResidual(g: GraphBuilder, layers: ZooLayers, x: string, block: Block, name: string): string {
  const { kernelSize, expanded, filters, hasGate, activation, strides } = block;
  const channels = g.channelsOf(x);
  const wide =
    expanded === channels ? x : layers.conv(x, { filters: expanded, kernelSize: 1 }, activation, `${name}_expand`);
  const spatial = layers.depthwise(wide, { kernelSize, strides }, activation, `${name}_depthwise`);
  const weighted = hasGate ? squeezeAndExcite(g, spatial, `${name}_gate`) : spatial;
  const projected = layers.conv(weighted, { filters, kernelSize: 1 }, "linear", `${name}_project`);
  return strides === 1 && channels === filters ? g.add(projected, x, `${name}_add`) : projected;
}

function squeezeAndExcite(g: GraphBuilder, x: string, name: string): string {
  const channels = g.channelsOf(x);
  const squeezed = { filters: divisibleBy8(Math.floor(channels / 4)), kernelSize: 1, useBias: true };
  const mean = g.globalAvgPool(x, `${name}_pool`, true);
  const inner = g.activation(g.conv2d(mean, squeezed, `${name}_squeeze`), "relu", `${name}_act`);
  const excited = g.conv2d(inner, { filters: channels, kernelSize: 1, useBias: true }, `${name}_excite`);
  return g.multiply(x, g.activation(excited, "hardSigmoid", `${name}_sigmoid`), `${name}_multiply`);
}

/** Nearest multiple of 8, but at least 8 and never less than 90 % of the number. */
function divisibleBy8(channels: number): number {
  const nearest = Math.max(8, Math.floor((channels + 4) / 8) * 8);
  return nearest < 0.9 * channels ? nearest + 8 : nearest;
}

function plain(
  kernelSize: number,
  expanded: number,
  filters: number,
  activation: ActivationName,
  strides: number,
): Block {
  return { kernelSize, expanded, filters, hasGate: false, activation, strides };
}

function gated(
  kernelSize: number,
  expanded: number,
  filters: number,
  activation: ActivationName,
  strides: number,
): Block {
  return { kernelSize, expanded, filters, hasGate: true, activation, strides };
}
