import { fixedBytes, MpoError } from "@mpo/core";
import { type AttrValue, attr } from "../graph/graph-proto.ts";
import type { SampleShape } from "../model/model-graph.ts";
import { FLOAT_BYTES, NEEDS_INPUT, opFacts } from "./facts.ts";
import type { OpDefinition, VariableSpec } from "./op-definition.ts";

/** Fully connected layer. Input `[features]`, kernel `[features, units]`. */
export const dense: OpDefinition<"dense"> = {
  kind: "dense",
  layerClass: "linear",

  outputShape(attributes, [input]) {
    featuresOf(input);
    return [attributes.units];
  },

  variables(attributes, [input]) {
    const kernel: VariableSpec = {
      name: "kernel",
      shape: [featuresOf(input), attributes.units],
      initializer: "glorotUniform",
      trainable: true,
    };
    const bias: VariableSpec = { name: "bias", shape: [attributes.units], initializer: "zeros", trainable: true };
    return attributes.useBias ? [kernel, bias] : [kernel];
  },

  facts({ attributes, inputShapes }) {
    const kernelElements = featuresOf(inputShapes[0]) * attributes.units;
    const reordered = fixedBytes(kernelElements * FLOAT_BYTES);
    return opFacts({
      isCompiled: true,
      forwardWork: reordered,
      inputWork: reordered,
      flopsPerSample: 2 * kernelElements,
      parameterNeeds: NEEDS_INPUT,
    });
  },

  emitForward({ emit, attributes, inputs, variable }) {
    const output = emit.node("MatMul", [inputs[0]!, variable("kernel")], matMulAttributes(false, false));
    if (!attributes.useBias) return { output };
    return { output: emit.node("BiasAdd", [output, variable("bias")], { T: attr.type("float") }) };
  },

  emitBackward(emission) {
    const { emit, attributes, gradient } = emission;
    const parameters: Record<string, string> = {};
    if (emission.wantsParameter("kernel")) {
      parameters["kernel"] = emit.node("MatMul", [emission.savedInput(0), gradient], matMulAttributes(true, false));
    }
    if (attributes.useBias && emission.wantsParameter("bias")) {
      parameters["bias"] = emit.node("BiasAddGrad", [gradient], { T: attr.type("float") });
    }
    if (!emission.wantsInput(0)) return { parameters };
    const inputGradient = emit.node("MatMul", [gradient, emission.variable("kernel")], matMulAttributes(false, true));
    return { parameters, inputs: [inputGradient] };
  },
};

function featuresOf(input: SampleShape | undefined): number {
  if (input?.length !== 1) {
    throw new MpoError("invalid-argument", `dense has an input of shape [${input}]; expected [features]`, {
      hint: "Put a flatten or a global average pooling before it.",
    });
  }
  return input[0]!;
}

function matMulAttributes(transposeLeft: boolean, transposeRight: boolean): Readonly<Record<string, AttrValue>> {
  return {
    T: attr.type("float"),
    transpose_a: attr.bool(transposeLeft),
    transpose_b: attr.bool(transposeRight),
  };
}
