import { checkJson } from "@mpo/datasets";
import { z } from "zod";
import type { OpAttributes } from "../model-graph.ts";

/**
 * A node that the stock layers do not have, written as several layers, the last of them with the node's name; or one that
 * its one layer does not say all of.
 */
export type Expansion = {
  readonly name: string;
  readonly input: string;
  /** All layers that stand for the node. */
  readonly layers: readonly string[];
} & (
  | { readonly kind: "activation"; readonly attributes: OpAttributes["activation"] }
  | { readonly kind: "globalAvgPool"; readonly attributes: OpAttributes["globalAvgPool"] }
  | { readonly kind: "affine"; readonly attributes: OpAttributes["affine"] }
  | { readonly kind: "dense"; readonly attributes: OpAttributes["dense"] }
  | { readonly kind: "rearrange"; readonly attributes: OpAttributes["rearrange"] }
  | { readonly kind: "conv2d"; readonly attributes: OpAttributes["conv2d"] }
  | { readonly kind: "depthwiseConv2d"; readonly attributes: OpAttributes["depthwiseConv2d"] }
  | { readonly kind: "maxPool"; readonly attributes: OpAttributes["maxPool"] }
);

/** What an exported `model.json` says to our own import, under `userDefinedMetadata.mpo`; others pass over it. */
export interface ExportMetadata {
  readonly version: 1;
  /** Convolutions in channel groups, which were written as ordinary ones with block-diagonal kernels. */
  readonly groups: Readonly<Record<string, number>>;
  readonly expansions: readonly Expansion[];
}

export const NO_METADATA: ExportMetadata = { version: 1, groups: {}, expansions: [] };

const place = { name: z.string(), input: z.string(), layers: z.array(z.string()).min(1) };
const numbers = z.array(z.number()).min(1);
const count = z.number().int().positive();
const extents = z.array(count).min(1);
const pair = z.tuple([count, count]);
const edges = z.tuple([z.number().int().min(0), z.number().int().min(0)]);
/** Only windows that pad some edges are written as several layers. */
const padding = z.tuple([edges, edges]);
const window = { kernelSize: pair, strides: pair, padding, dilation: pair, useBias: z.boolean() };
const expansion = z.discriminatedUnion("kind", [
  z.object({
    kind: z.literal("activation"),
    attributes: z.object({
      function: z.enum(["hardSigmoid", "hardSwish"]),
      slope: z.number().positive().exactOptional(),
    }),
    ...place,
  }),
  z.object({ kind: z.literal("affine"), attributes: z.object({ scale: numbers, offset: numbers }), ...place }),
  z.object({
    kind: z.literal("dense"),
    attributes: z.object({
      units: z.number().int().positive(),
      useBias: z.boolean(),
      partOf: z.literal("attention").exactOptional(),
    }),
    ...place,
  }),
  z.object({
    kind: z.literal("rearrange"),
    attributes: z.object({ split: extents, order: z.array(z.number().int().nonnegative()), shape: extents }),
    ...place,
  }),
  z.object({
    kind: z.literal("conv2d"),
    attributes: z.object({ ...window, filters: count, groups: count }),
    ...place,
  }),
  z.object({
    kind: z.literal("depthwiseConv2d"),
    attributes: z.object({ ...window, depthMultiplier: count }),
    ...place,
  }),
  z.object({
    kind: z.literal("maxPool"),
    attributes: z.object({ poolSize: pair, strides: pair, padding }),
    ...place,
  }),
  z.object({ kind: z.literal("globalAvgPool"), attributes: z.object({ keepDims: z.literal(true) }), ...place }),
]);
const metadata = z.object({
  version: z.literal(1),
  groups: z.record(z.string(), z.number().int().positive()),
  expansions: z.array(expansion),
});

const own = z.object({ userDefinedMetadata: z.object({ mpo: metadata }) });

/** Reads the metadata of an export of ours; a model from elsewhere has none. Throws `invalid-data`. */
export function parseExportMetadata(userDefinedMetadata: unknown, file: string): ExportMetadata {
  const outer = z.looseObject({ mpo: z.unknown() }).safeParse(userDefinedMetadata);
  if (!outer.success || outer.data.mpo === undefined) return NO_METADATA;
  return checkJson(own, { userDefinedMetadata }, file).userDefinedMetadata.mpo;
}
