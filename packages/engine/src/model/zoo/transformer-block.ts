import type { GraphBuilder } from "../graph-builder.ts";
import type { ActivationName } from "../model-graph.ts";

/** What transformers differ in. Input of a block: `[..., tokens, width]`. */
export interface TransformerBlock {
  readonly heads: number;
  /** Width of the hidden layer over that of the tokens. */
  readonly expansion: number;
  readonly activation: ActivationName;
  readonly epsilon: number;
}

/** Attention and two dense layers, each added to its normalised input's source (pre-norm). */
export function transformerBlock(g: GraphBuilder, x: string, block: TransformerBlock, name: string): string {
  const { heads, expansion, activation, epsilon } = block;
  const width = g.channelsOf(x);
  const packed = g.projection(g.layerNorm(x, epsilon, `${name}_norm1`), 3 * width, `${name}_qkv`);
  const attended = g.projection(g.attention([packed], heads, `${name}_attention`), width, `${name}_project`);
  const between = g.add(attended, x, `${name}_add1`);
  const hidden = g.dense(g.layerNorm(between, epsilon, `${name}_norm2`), expansion * width, `${name}_hidden`);
  const narrow = g.dense(g.activation(hidden, activation, `${name}_act`), width, `${name}_out`);
  return g.add(narrow, between, `${name}_add2`);
}
