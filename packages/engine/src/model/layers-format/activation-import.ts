import { z } from "zod";
import type { OpAttributes } from "../model-graph.ts";
import { whole } from "./layer-fields.ts";
import { type LayerImport, layer, oneNode, onlyInput } from "./layer-place.ts";

export const ACTIVATION_LAYERS: Readonly<Record<string, LayerImport>> = {
  ReLU: layer(
    z.object({
      max_value: z.number().positive().nullish(),
      negative_slope: z.number().nonnegative().nullish(),
      threshold: z.literal(0, "only 0 is supported").nullish(),
    }),
    ({ max_value: most, negative_slope: slope }, { g, name, inputs }) => {
      const put = (attributes: OpAttributes["activation"]): string => g.append("activation", inputs, attributes, name);
      if (!slope) return put(reluUpTo(most ?? undefined));
      const leaky = put({ function: "leakyRelu", slope });
      if (!most) return leaky;
      // min(x, most) is most - relu(most - x).
      const below = { scale: [-1], offset: [most] };
      const rest = g.activation(g.append("affine", [leaky], below, `${name}_rest`), "relu", `${name}_relu`);
      return g.append("affine", [rest], below, `${name}_most`);
    },
  ),
  LeakyReLU: oneNode(
    "activation",
    z.object({ alpha: z.number().optional(), negative_slope: z.number().optional() }),
    ({ alpha, negative_slope: slope }) => ({ function: "leakyRelu", slope: alpha ?? slope ?? 0.3 }),
  ),
  PReLU: oneNode("prelu", z.object({ shared_axes: z.array(whole).nullish() }), ({ shared_axes: axes }) => ({
    sharedAxes: (axes ?? []).map((axis) => axis - 1),
  })),
  ELU: layer(z.object({ alpha: z.number().default(1) }), ({ alpha }, { g, name, inputs }) => {
    const x = onlyInput(inputs);
    const elu = g.activation(x, "elu", name);
    if (alpha === 1) return elu;
    const scaled = (node: string, by: number): string =>
      g.append("affine", [node], { scale: [by], offset: [0] }, `${node}_scaled`);
    return g.add(scaled(elu, alpha), scaled(g.activation(x, "relu", `${name}_relu`), 1 - alpha), `${name}_sum`);
  }),
  Softmax: oneNode("activation", z.object({ axis: z.number().int().default(-1) }), ({ axis }, { g, inputs }) => {
    // The file counts the batch as axis 0.
    const rank = g.shapeOf(onlyInput(inputs)).length;
    const own = axis < 0 ? axis + rank : axis - 1;
    return own === rank - 1 ? { function: "softmax" } : { function: "softmax", axis: own };
  }),
};

/** A ReLU with a limit, or without. */
function reluUpTo(most: number | undefined): OpAttributes["activation"] {
  if (most === undefined) return { function: "relu" };
  return most === 6 ? { function: "relu6" } : { function: "clippedRelu", most };
}
