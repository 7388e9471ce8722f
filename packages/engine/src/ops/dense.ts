import { MpoError } from "@mpo/core";
import type { SampleShape } from "../model/model-graph.ts";
import { kernelOp } from "./kernel-op.ts";
import { matMul, rowsOf, shaped } from "./matrix.ts";
import type { OpDefinition } from "./op-definition.ts";

/** Fully connected layer over the last axis. Input `[..., features]`, kernel `[features, units]`. */
export const dense: OpDefinition<"dense"> = kernelOp<"dense">({
  layerClass: ({ partOf }) => (partOf === "attention" ? "featureExtraction" : "linear"),
  kernel: "kernel",
  initializer: "glorotUniform",
  reorders: () => "kernel",

  kernelShape: ({ units }, input) => [featuresOf(input), units],

  outputShape({ units }, input = []) {
    featuresOf(input);
    return [...input.slice(0, -1), units];
  },

  emitForward: ({ emit, inputs, inputShapes }, kernel) =>
    matMul(emit, rowsOf(emit, inputs[0]!, inputShapes[0]), kernel),
  emitKernelGradient({ emit, gradient, savedInput, inputShapes, outputShape }) {
    const [input, output] = [rowsOf(emit, savedInput(0), inputShapes[0]), rowsOf(emit, gradient, outputShape)];
    return matMul(emit, input, output, "left");
  },
  emitInputGradient({ emit, gradient, variable, inputShapes, outputShape }) {
    const rows = matMul(emit, rowsOf(emit, gradient, outputShape), variable("kernel"), "right");
    return shaped(emit, rows, inputShapes[0]);
  },
  shaped: ({ emit, outputShape }, rows) => shaped(emit, rows, outputShape),
});

function featuresOf(input: SampleShape | undefined): number {
  const features = input?.at(-1);
  if (features === undefined) {
    throw new MpoError("invalid-argument", `dense has an input of shape [${input}]; expected [..., features]`);
  }
  return features;
}
