import type { OpKind } from "../model/model-graph.ts";
import { activation } from "./activation.ts";
import { affine } from "./affine.ts";
import { attention } from "./attention.ts";
import { batchNorm } from "./batch-norm.ts";
import { conv2d } from "./conv2d.ts";
import { dense } from "./dense.ts";
import { depthwiseConv2d } from "./depthwise-conv2d.ts";
import { dropout } from "./dropout.ts";
import { groupNorm } from "./group-norm.ts";
import { add, concat, multiply } from "./joins.ts";
import { l2Normalise } from "./l2-normalise.ts";
import { layerNorm } from "./layer-norm.ts";
import { layerScale } from "./layer-scale.ts";
import type { OpDefinition } from "./op-definition.ts";
import { avgPool, globalAvgPool, maxPool } from "./pooling.ts";
import { prelu } from "./prelu.ts";
import { rearrange, slice } from "./rearranging.ts";
import { reduce } from "./reduce.ts";
import { input, reshape, upsample, zeroPad } from "./shaping.ts";
import { classToken, positions } from "./tokens.ts";

type OpTable = { readonly [Kind in OpKind]: OpDefinition<Kind> };

/** Every operation that a model may consist of. To add one: write its definition, name it here and in `OpAttributes`. */
export const OP_TABLE: OpTable = {
  input,
  conv2d,
  depthwiseConv2d,
  dense,
  attention,
  batchNorm,
  groupNorm,
  layerNorm,
  l2Normalise,
  affine,
  layerScale,
  activation,
  prelu,
  add,
  multiply,
  concat,
  maxPool,
  avgPool,
  globalAvgPool,
  reduce,
  classToken,
  positions,
  zeroPad,
  reshape,
  rearrange,
  slice,
  upsample,
  dropout,
};

/** The definition of a kind, for code that handles any operation alike (its own attributes always come along). */
export function opDefinition<Kind extends OpKind>(kind: Kind): OpDefinition<Kind> {
  return OP_TABLE[kind] as unknown as OpDefinition<Kind>;
}
