import { GraphBuilder } from "../graph-builder.ts";
import type { ModelGraph, SampleShape } from "../model-graph.ts";
import { invertedResidual } from "./inverted-residual.ts";
import { transformerBlock } from "./transformer-block.ts";
import { usesSmallForm, type ZooLayers, type ZooOptions, zooLayers } from "./zoo-layers.ts";

interface Stage {
  readonly filters: number;
  readonly repeats: number;
  readonly strides: number;
  /** Of the MobileViT block at its end. */
  readonly transformer?: { readonly width: number; readonly depth: number };
}

interface Network {
  /** Of the inverted residuals. */
  readonly expansion: number;
  readonly stages: readonly Stage[];
  readonly lastChannels: number;
}

/** Table 4 of the paper. */
const NETWORKS: Readonly<Record<"mobilevit-xxs" | "mobilevit-xs", Network>> = {
  "mobilevit-xxs": {
    expansion: 2,
    stages: [
      { filters: 16, repeats: 1, strides: 1 },
      { filters: 24, repeats: 3, strides: 2 },
      { filters: 48, repeats: 1, strides: 2, transformer: { width: 64, depth: 2 } },
      { filters: 64, repeats: 1, strides: 2, transformer: { width: 80, depth: 4 } },
      { filters: 80, repeats: 1, strides: 2, transformer: { width: 96, depth: 3 } },
    ],
    lastChannels: 320,
  },
  "mobilevit-xs": {
    expansion: 4,
    stages: [
      { filters: 32, repeats: 1, strides: 1 },
      { filters: 48, repeats: 3, strides: 2 },
      { filters: 64, repeats: 1, strides: 2, transformer: { width: 96, depth: 2 } },
      { filters: 80, repeats: 1, strides: 2, transformer: { width: 120, depth: 4 } },
      { filters: 96, repeats: 1, strides: 2, transformer: { width: 144, depth: 3 } },
    ],
    lastChannels: 384,
  },
};

const STEM_CHANNELS = 16;
/** Extent of the patches of which each pixel attends to those at its place in the others. */
const PATCH = 2;
const BLOCK = { heads: 4, expansion: 2, activation: "swish", epsilon: 1e-5 } as const;

/**
 * MobileViT (Mehta and Rastegari 2022): inverted residuals, and convolutions whose middle is a transformer. Form for small
 * images: the stem and the first stage of stride 2 have stride 1, so that 32 x 32 ends as 4 x 4. An image map that is
 * no multiple of the patches has zeros at its right and bottom for the transformer (published inputs are multiples).
 */
export function mobileVit(name: keyof typeof NETWORKS, { norm, inputShape, classes, form }: ZooOptions): ModelGraph {
  const { expansion, stages, lastChannels } = NETWORKS[name];
  const g = new GraphBuilder(name, inputShape);
  const layers = zooLayers(g, norm);
  const isSmall = usesSmallForm(form, inputShape);
  const stem = { filters: STEM_CHANNELS, kernelSize: 3, strides: isSmall ? 1 : 2 };
  let x = layers.conv(g.input, stem, "swish", "stem");
  for (const [stage, { filters, repeats, strides: stageStride, transformer }] of stages.entries()) {
    for (let block = 0; block < repeats; block++) {
      const strides = block > 0 || (isSmall && stage === 1) ? 1 : stageStride;
      const expanded = g.channelsOf(x) * expansion;
      const shape = { kernelSize: 3, expanded, filters, hasGate: false, activation: "swish", strides } as const;
      x = invertedResidual(g, layers, x, shape, `stage${stage + 1}_block${block + 1}`);
    }
    if (transformer !== undefined) x = mobileVitBlock(g, layers, x, transformer, `stage${stage + 1}_vit`);
  }
  x = layers.conv(x, { filters: lastChannels, kernelSize: 1 }, "swish", "last");
  return g.build(g.dense(g.globalAvgPool(x, "pool"), classes, "logits"));
}

function mobileVitBlock(
  g: GraphBuilder,
  layers: ZooLayers,
  x: string,
  { width, depth }: { readonly width: number; readonly depth: number },
  name: string,
): string {
  const filters = g.channelsOf(x);
  const local = layers.conv(x, { filters, kernelSize: 3 }, "swish", `${name}_local`);
  const wide = g.conv2d(local, { filters: width, kernelSize: 1 }, `${name}_wide`);
  const patches = toPatches(g, wide, name);
  let y = patches.tokens;
  for (let index = 1; index <= depth; index++) y = transformerBlock(g, y, BLOCK, `${name}_block${index}`);
  const map = patches.toMap(g.layerNorm(y, BLOCK.epsilon, `${name}_norm`));
  const projected = layers.conv(map, { filters, kernelSize: 1 }, "swish", `${name}_project`);
  return layers.conv(g.concat([x, projected], `${name}_concat`), { filters, kernelSize: 3 }, "swish", `${name}_fuse`);
}

interface Patches {
  /** `[places in a patch, patches, width]`. */
  readonly tokens: string;
  /** Puts tokens back where they were, `[h, w, width]`. */
  readonly toMap: (tokens: string) => string;
}

function toPatches(g: GraphBuilder, x: string, name: string): Patches {
  const [height = 1, width = 1, channels = 1] = g.shapeOf(x);
  const [rows, columns] = [Math.ceil(height / PATCH), Math.ceil(width / PATCH)];
  const [missingRows, missingColumns] = [rows * PATCH - height, columns * PATCH - width];
  const isWhole = missingRows === 0 && missingColumns === 0;
  const beyond = [
    [0, missingRows],
    [0, missingColumns],
  ] as const;
  const whole = isWhole ? x : g.zeroPad(x, beyond, `${name}_whole`);
  const tokens: SampleShape = [PATCH * PATCH, rows * columns, channels];
  const split = [rows, PATCH, columns, PATCH, channels];
  const toMap = (y: string): string => {
    const back = { split: [PATCH, PATCH, rows, columns, channels], order: [2, 0, 3, 1, 4], shape: g.shapeOf(whole) };
    const map = g.rearrange(y, back, `${name}_map`);
    if (isWhole) return map;
    const upper = g.slice(map, { axis: 0, begin: 0, size: height }, `${name}_upper`);
    return g.slice(upper, { axis: 1, begin: 0, size: width }, `${name}_left`);
  };
  return { tokens: g.rearrange(whole, { split, order: [1, 3, 0, 2, 4], shape: tokens }, `${name}_patches`), toMap };
}
