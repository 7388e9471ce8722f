import { fixedBytes } from "@mpo/core";
import { type AttrValue, attr } from "../graph/graph-proto.ts";
import { elementsOf, type OpAttributes, type SampleShape } from "../model/model-graph.ts";
import { FLOAT_BYTES, NEEDS_INPUT, opFacts } from "./facts.ts";
import type { OpDefinition, VariableSpec } from "./op-definition.ts";
import { imageShape, nhwc, windowedSize } from "./window.ts";

type Attributes = OpAttributes["conv2d"];

/** 2-D convolution, also in channel groups. Input `[h, w, c]`, kernel `[kh, kw, c / groups, filters]`. */
export const conv2d: OpDefinition<"conv2d"> = {
  kind: "conv2d",
  layerClass: "featureExtraction",

  outputShape(attributes, [input]) {
    const [height, width] = imageShape("conv2d", input);
    const { kernelSize, strides, padding, dilation } = attributes;
    return [...windowedSize("conv2d", [height, width], kernelSize, strides, padding, dilation), attributes.filters];
  },

  variables(attributes, [input]) {
    const kernel: VariableSpec = {
      name: "kernel",
      shape: kernelShape(attributes, input),
      initializer: "heNormal",
      trainable: true,
    };
    const bias: VariableSpec = { name: "bias", shape: [attributes.filters], initializer: "zeros", trainable: true };
    return attributes.useBias ? [kernel, bias] : [kernel];
  },

  facts({ attributes, inputShapes, outputShape }) {
    const kernelElements = elementsOf(kernelShape(attributes, inputShapes[0]));
    const [height = 1, width = 1] = outputShape;
    const reordered = fixedBytes(kernelElements * FLOAT_BYTES);
    return opFacts({
      isCompiled: true,
      forwardWork: reordered,
      inputWork: reordered,
      parameterWork: reordered,
      flopsPerSample: 2 * kernelElements * height * width,
      parameterNeeds: NEEDS_INPUT,
    });
  },

  emitForward({ emit, attributes, inputs, variable }) {
    const input = inputs[0]!;
    const output = emit.node("Conv2D", [input, variable("kernel")], convAttributes(attributes));
    if (!attributes.useBias) return { output };
    return { output: emit.node("BiasAdd", [output, variable("bias")], { T: attr.type("float") }) };
  },

  emitBackward(emission) {
    const { emit, attributes, gradient, inputShapes } = emission;
    const parameters: Record<string, string> = {};
    if (emission.wantsParameter("kernel")) {
      const sizes = emit.ints(kernelShape(attributes, inputShapes[0]));
      const inputs = [emission.savedInput(0), sizes, gradient];
      parameters["kernel"] = emit.node("Conv2DBackpropFilter", inputs, convAttributes(attributes));
    }
    if (attributes.useBias && emission.wantsParameter("bias")) {
      parameters["bias"] = emit.node("BiasAddGrad", [gradient], { T: attr.type("float") });
    }
    if (!emission.wantsInput(0)) return { parameters };
    const sizes = emit.batchShape(inputShapes[0]!);
    const inputs = [sizes, emission.variable("kernel"), gradient];
    return { parameters, inputs: [emit.node("Conv2DBackpropInput", inputs, convAttributes(attributes))] };
  },
};

function kernelShape(attributes: Attributes, input: SampleShape | undefined): readonly number[] {
  const [, , channels] = imageShape("conv2d", input);
  return [...attributes.kernelSize, channels / attributes.groups, attributes.filters];
}

function convAttributes(attributes: Attributes): Readonly<Record<string, AttrValue>> {
  return {
    T: attr.type("float"),
    strides: attr.ints(nhwc(attributes.strides)),
    padding: attr.text(attributes.padding.toUpperCase()),
    dilations: attr.ints(nhwc(attributes.dilation)),
    data_format: attr.text("NHWC"),
  };
}
