import { MpoError } from "@mpo/core";
import type { GraphEmitter } from "../graph/graph-emitter.ts";
import { attr } from "../graph/graph-proto.ts";
import type { SampleShape } from "../model/model-graph.ts";
import { kernelOp } from "./kernel-op.ts";
import type { OpDefinition } from "./op-definition.ts";

/** Fully connected layer. Input `[features]`, kernel `[features, units]`. */
export const dense: OpDefinition<"dense"> = kernelOp<"dense">({
  layerClass: "linear",
  kernel: "kernel",
  initializer: "glorotUniform",
  reordersGradient: false,

  kernelShape: ({ units }, input) => [featuresOf(input), units],

  outputShape({ units }, input) {
    featuresOf(input);
    return [units];
  },

  emitForward: ({ emit, inputs }, kernel) => matMul(emit, inputs[0]!, kernel),
  emitKernelGradient: ({ emit, gradient, savedInput }) => matMul(emit, savedInput(0), gradient, "left"),
  emitInputGradient: ({ emit, gradient, variable }) => matMul(emit, gradient, variable("kernel"), "right"),
});

function featuresOf(input: SampleShape | undefined): number {
  if (input?.length !== 1) {
    throw new MpoError("invalid-argument", `dense has an input of shape [${input}]; expected [features]`, {
      hint: "Put a flatten or a global average pooling before it.",
    });
  }
  return input[0]!;
}

function matMul(emit: GraphEmitter, left: string, right: string, transposed?: "left" | "right"): string {
  return emit.node("MatMul", [left, right], {
    T: "float",
    transpose_a: attr.bool(transposed === "left"),
    transpose_b: attr.bool(transposed === "right"),
  });
}
