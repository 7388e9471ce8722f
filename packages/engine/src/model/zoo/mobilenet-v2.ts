import { GraphBuilder } from "../graph-builder.ts";
import type { ModelGraph } from "../model-graph.ts";
import { invertedResidual } from "./inverted-residual.ts";
import { usesSmallForm, type ZooOptions, zooLayers } from "./zoo-layers.ts";

/** Table 2 of the paper: expansion, channels, repeats, stride of the first. */
const STAGES = [
  [1, 16, 1, 1],
  [6, 24, 2, 2],
  [6, 32, 3, 2],
  [6, 64, 4, 2],
  [6, 96, 3, 1],
  [6, 160, 3, 2],
  [6, 320, 1, 1],
] as const;
const STEM_CHANNELS = 32;
const LAST_CHANNELS = 1280;
const DROPOUT_RATE = 0.2;

/**
 * MobileNet-v2, width 1 (Sandler et al. 2018). ImageNet form as in table 2. Form for small images: the stem and the
 * 24-channel stage, the first two with stride 2, have stride 1, so that 32 x 32 ends as 4 x 4.
 */
export function mobilenetV2({ norm, inputShape, classes, form }: ZooOptions): ModelGraph {
  const g = new GraphBuilder("mobilenet-v2", inputShape);
  const layers = zooLayers(g, norm);
  const isSmall = usesSmallForm(form, inputShape);
  const stem = { filters: STEM_CHANNELS, kernelSize: 3, strides: isSmall ? 1 : 2 };
  let x = layers.conv(g.input, stem, "relu6", "stem");
  for (const [stage, [expansion, filters, repeats, stageStride]] of STAGES.entries()) {
    for (let block = 0; block < repeats; block++) {
      const strides = block > 0 || (isSmall && stage === 1) ? 1 : stageStride;
      const expanded = g.channelsOf(x) * expansion;
      const shape = { kernelSize: 3, expanded, filters, hasGate: false, activation: "relu6", strides } as const;
      x = invertedResidual(g, layers, x, shape, `stage${stage + 1}_block${block + 1}`);
    }
  }
  x = layers.conv(x, { filters: LAST_CHANNELS, kernelSize: 1 }, "relu6", "last");
  return g.build(g.dense(g.dropout(g.globalAvgPool(x, "pool"), DROPOUT_RATE, "dropout"), classes, "logits"));
}
