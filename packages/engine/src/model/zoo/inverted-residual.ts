import type { GraphBuilder } from "../graph-builder.ts";
import type { ActivationName } from "../model-graph.ts";
import type { ZooLayers } from "./zoo-layers.ts";

interface Block {
  readonly kernelSize: number;
  /** Channels of the depthwise convolution. */
  readonly expanded: number;
  readonly filters: number;
  readonly hasGate: boolean;
  readonly activation: ActivationName;
  readonly strides: number;
}

/** The block of the MobileNets: expanded, convolved channel by channel, gated in some, projected, added to its input. */
export function invertedResidual(g: GraphBuilder, layers: ZooLayers, x: string, block: Block, name: string): string {
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
