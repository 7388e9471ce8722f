import { fixedBytes } from "@mpo/core";
import { type AttrValue, attr } from "../graph/graph-proto.ts";
import { elementsOf, type OpAttributes, type SampleShape } from "../model/model-graph.ts";
import { FLOAT_BYTES, NEEDS_INPUT, opFacts } from "./facts.ts";
import type { OpDefinition, VariableSpec } from "./op-definition.ts";
import { imageShape, nhwc, windowedSize } from "./window.ts";

type Attributes = OpAttributes["depthwiseConv2d"];

/** Convolution of each channel on its own. Input `[h, w, c]`, kernel `[kh, kw, c, depthMultiplier]`. */
export const depthwiseConv2d: OpDefinition<"depthwiseConv2d"> = {
  kind: "depthwiseConv2d",
  layerClass: "featureExtraction",

  outputShape(attributes, [input]) {
    const [height, width, channels] = imageShape("depthwiseConv2d", input);
    const { kernelSize, strides, padding, dilation, depthMultiplier } = attributes;
    const size = windowedSize("depthwiseConv2d", [height, width], kernelSize, strides, padding, dilation);
    return [...size, channels * depthMultiplier];
  },

  variables(attributes, [input]) {
    const [, , channels] = imageShape("depthwiseConv2d", input);
    const kernel: VariableSpec = {
      name: "depthwise_kernel",
      shape: kernelShape(attributes, input),
      initializer: "heNormal",
      trainable: true,
    };
    const filters = channels * attributes.depthMultiplier;
    const bias: VariableSpec = { name: "bias", shape: [filters], initializer: "zeros", trainable: true };
    return attributes.useBias ? [kernel, bias] : [kernel];
  },

  facts({ attributes, inputShapes, outputShape }) {
    const kernelElements = elementsOf(kernelShape(attributes, inputShapes[0]));
    const [height = 1, width = 1] = outputShape;
    const reordered = fixedBytes(kernelElements * FLOAT_BYTES);
    return opFacts({
      forwardWork: reordered,
      inputWork: reordered,
      parameterWork: reordered,
      flopsPerSample: 2 * kernelElements * height * width,
      parameterNeeds: NEEDS_INPUT,
    });
  },

  emitForward({ emit, attributes, inputs, variable }) {
    const kernel = variable("depthwise_kernel");
    const output = emit.node("DepthwiseConv2dNative", [inputs[0] as string, kernel], convAttributes(attributes));
    if (!attributes.useBias) return { output };
    return { output: emit.node("BiasAdd", [output, variable("bias")], { T: attr.type("float") }) };
  },

  emitBackward(emission) {
    const { emit, attributes, gradient, inputShapes } = emission;
    const parameters: Record<string, string> = {};
    if (emission.wantsParameter("depthwise_kernel")) {
      const sizes = emit.ints(kernelShape(attributes, inputShapes[0]));
      const inputs = [emission.savedInput(0), sizes, gradient];
      parameters["depthwise_kernel"] = emit.node(
        "DepthwiseConv2dNativeBackpropFilter",
        inputs,
        convAttributes(attributes),
      );
    }
    if (attributes.useBias && emission.wantsParameter("bias")) {
      parameters["bias"] = emit.node("BiasAddGrad", [gradient], { T: attr.type("float") });
    }
    if (!emission.wantsInput(0)) return { parameters };
    const sizes = emit.batchShape(inputShapes[0] as SampleShape);
    const inputs = [sizes, emission.variable("depthwise_kernel"), gradient];
    const inputGradient = emit.node("DepthwiseConv2dNativeBackpropInput", inputs, convAttributes(attributes));
    return { parameters, inputs: [inputGradient] };
  },
};

function kernelShape(attributes: Attributes, input: SampleShape | undefined): readonly number[] {
  const [, , channels] = imageShape("depthwiseConv2d", input);
  return [...attributes.kernelSize, channels, attributes.depthMultiplier];
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
