import { z } from "zod";
import { axisNumber, whole } from "./layer-fields.ts";
import { type LayerImport, oneNode, requireLastAxis } from "./layer-place.ts";
import { OWN_CLASSES } from "./stock-layer.ts";

/** Keras divides by the root of no less, which for any vector that is not 0 is the same. */
const KERAS_EPSILON = 1e-12;
const axis = z.number().int().nonnegative();
const none = z.object({});

/** Layers of transformers: but for the last, classes of our own, which say the attributes of their nodes. */
export const TOKEN_LAYERS: Readonly<Record<string, LayerImport>> = {
  [OWN_CLASSES.attention]: oneNode("attention", z.object({ heads: whole, scale: z.number() }), (config) => config),
  [OWN_CLASSES.layerScale]: oneNode("layerScale", none, () => ({})),
  [OWN_CLASSES.classToken]: oneNode("classToken", none, () => ({})),
  [OWN_CLASSES.positions]: oneNode("positions", none, () => ({})),
  [OWN_CLASSES.reduce]: oneNode(
    "reduce",
    z.object({ function: z.enum(["mean", "sum"]), axes: z.array(axis), keepDims: z.boolean() }),
    (config) => config,
  ),
  [OWN_CLASSES.slice]: oneNode("slice", z.object({ axis, begin: axis, size: whole }), (config) => config),
  UnitNormalization: oneNode(
    "l2Normalise",
    z.object({ axis: axisNumber, epsilon: z.number().default(KERAS_EPSILON) }),
    ({ axis: last, epsilon }, place) => {
      requireLastAxis(last, place);
      return { epsilon };
    },
  ),
};
