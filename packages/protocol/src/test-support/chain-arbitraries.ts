import { type Chain, type ChainOp, LAYER_CLASSES, type LayerClass } from "@mpo/core";
import fc from "fast-check";
import { names, shape } from "./arbitraries.ts";

const NOTHING = { inputs: [], output: false, statistics: false };
const someBytes = fc.integer({ min: 0, max: 2 ** 40 });
const affine = shape({ fixed: someBytes, perSample: someBytes });

interface Facts {
  readonly work: { readonly fixed: number; readonly perSample: number };
  readonly layerClass: LayerClass;
  readonly optional: Partial<Pick<ChainOp, "statisticsBytes" | "worksOutsidePool" | "kernelBytes">>;
}

const facts: fc.Arbitrary<Facts> = shape({
  work: affine,
  layerClass: fc.constantFrom(...LAYER_CLASSES),
  optional: shape<Record<never, never>, Required<Facts["optional"]>>(
    {},
    { statisticsBytes: affine, worksOutsidePool: fc.boolean(), kernelBytes: someBytes },
  ),
});

/** A chain with one operation a unit: sound, though no model is like it. */
function chainOf(model: string, all: readonly Facts[]): Chain {
  return {
    model,
    input: 0,
    output: all.length,
    values: [{ work: { fixed: 0, perSample: 4 } }, ...all].map(({ work }, index) => ({
      id: index,
      name: `value-${index}`,
      bytes: work,
      unit: index - 1,
    })),
    parameters: all.map(({ layerClass, work }, index) => ({
      id: index,
      name: `weights-${index}`,
      layer: `layer-${index}`,
      layerClass,
      bytes: work.fixed,
    })),
    ops: all.map(({ work, optional }, index) => ({
      id: index,
      name: `op-${index}`,
      kind: "conv2d",
      unit: index,
      inputs: [index],
      output: index + 1,
      parameters: [index],
      ...optional,
      isAlias: false,
      forward: { workBytes: work, overwrites: [0], flopsPerSample: work.perSample },
      backward: {
        passesThrough: false,
        isJoint: false,
        inputNeeds: { ...NOTHING, inputs: [0] },
        parameterNeeds: NOTHING,
        inputWorkBytes: work,
        parameterWorkBytes: work,
        overwritesGradient: true,
      },
    })),
    units: all.map((_, index) => ({
      name: `unit-${index}`,
      firstOp: index,
      lastOp: index,
      input: index,
      output: index + 1,
    })),
  };
}

export const chains: fc.Arbitrary<Chain> = fc
  .tuple(names, fc.array(facts, { minLength: 1, maxLength: 6 }))
  .map(([model, all]) => chainOf(model, all));
