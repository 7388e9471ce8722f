import { GraphBuilder } from "../graph-builder.ts";
import type { ModelGraph } from "../model-graph.ts";
import { transformerBlock } from "./transformer-block.ts";
import { usesSmallForm, type ZooOptions } from "./zoo-layers.ts";

const TINY = { width: 192, depth: 12, heads: 3, epsilon: 1e-6 };

/** `embedding`: the images' and texts' common width. */
const NETWORKS = {
  "vit-tiny": TINY,
  "deit-tiny": TINY,
  "tinyclip-vit-8m": { width: 256, depth: 10, heads: 4, epsilon: 1e-5, embedding: 512 },
} as const;

const PATCH = 16;
const SMALL_PATCH = 4;
const LENGTH_EPSILON = 1e-12;

/**
 * Vision transformers (Dosovitskiy et al. 2021): patches of 16, a class token, trained positions, pre-norm blocks; the
 * classes are read from the class token. Form for small images: patches of 4. What is left over at the right and at the
 * bottom is not seen. They have layer normalisation, whatever normalisation is asked for.
 *
 * The image encoder of a CLIP normalises its tokens before the first block, too, and its head is zero-shot: the
 * embedding, of length 1, times the texts' embeddings. `logits/kernel` is those, a column for each class, times the
 * logit scale.
 */
export function visionTransformer(name: keyof typeof NETWORKS, { inputShape, classes, form }: ZooOptions): ModelGraph {
  const network: (typeof NETWORKS)[keyof typeof NETWORKS] = NETWORKS[name];
  const { width, depth, heads, epsilon } = network;
  const g = new GraphBuilder(name, inputShape);
  const size = usesSmallForm(form, inputShape) ? SMALL_PATCH : PATCH;
  const isClip = "embedding" in network;
  const window = { filters: width, kernelSize: size, strides: size, padding: "valid", useBias: !isClip } as const;
  const patches = g.conv2d(g.input, window, "patches");
  const [rows = 1, columns = 1] = g.shapeOf(patches);
  const tokens = g.classToken(g.reshape(patches, [rows * columns, width], "tokens"), "class");
  let x = g.positions(tokens, "positions");
  if (isClip) x = g.layerNorm(x, epsilon, "first_norm");
  const block = { heads, expansion: 4, activation: "gelu", epsilon } as const;
  for (let index = 1; index <= depth; index++) x = transformerBlock(g, x, block, `block${index}`);
  if (!isClip) return g.build(g.dense(classOf(g, g.layerNorm(x, epsilon, "norm")), classes, "logits"));
  const embedding = g.dense(g.layerNorm(classOf(g, x), epsilon, "norm"), network.embedding, "embedding", false);
  return g.build(g.dense(g.l2Normalise(embedding, LENGTH_EPSILON, "length"), classes, "logits", false));
}

/** The class token alone, `[width]`. */
function classOf(g: GraphBuilder, x: string): string {
  return g.flatten(g.slice(x, { axis: 0, begin: 0, size: 1 }, "pool"), "features");
}
