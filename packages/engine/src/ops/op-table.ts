import type { OpKind } from "../model/model-graph.ts";
import { activation } from "./activation.ts";
import { affine } from "./affine.ts";
import { batchNorm } from "./batch-norm.ts";
import { conv2d } from "./conv2d.ts";
import { dense } from "./dense.ts";
import { depthwiseConv2d } from "./depthwise-conv2d.ts";
import { dropout } from "./dropout.ts";
import { groupNorm } from "./group-norm.ts";
import { add, concat, multiply } from "./joins.ts";
import { layerNorm } from "./layer-norm.ts";
import type { OpDefinition } from "./op-definition.ts";
import { avgPool, globalAvgPool, maxPool } from "./pooling.ts";
import { prelu } from "./prelu.ts";
import { input, reshape, upsample, zeroPad } from "./shaping.ts";

type OpTable = { readonly [Kind in OpKind]: OpDefinition<Kind> };

/** Every operation that a model may consist of. To add one: write its definition, name it here and in `OpAttributes`. */
export const OP_TABLE: OpTable = {
  input,
  conv2d,
  depthwiseConv2d,
  dense,
  batchNorm,
  groupNorm,
  layerNorm,
  affine,
  activation,
  prelu,
  add,
  multiply,
  concat,
  maxPool,
  avgPool,
  globalAvgPool,
  zeroPad,
  reshape,
  upsample,
  dropout,
};

/** The definition of a kind, for code that handles any operation alike (its own attributes always come along). */
export function opDefinition<Kind extends OpKind>(kind: Kind): OpDefinition<Kind> {
  return OP_TABLE[kind] as unknown as OpDefinition<Kind>;
}
