import { fixedBytes } from "@mpo/core";
import type { GraphEmitter } from "../graph/graph-emitter.ts";
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
      isCompiled: true,
      forwardWork: reordered,
      inputWork: reordered,
      parameterWork: reordered,
      flopsPerSample: 2 * kernelElements * height * width,
      parameterNeeds: NEEDS_INPUT,
    });
  },

  emitForward({ emit, attributes, inputs, variable }) {
    const kernel = variable("depthwise_kernel");
    const output = emit.node("DepthwiseConv2dNative", [inputs[0]!, kernel], convAttributes(attributes));
    if (!attributes.useBias) return { output };
    return { output: emit.node("BiasAdd", [output, variable("bias")], { T: attr.type("float") }) };
  },

  emitBackward(emission) {
    const { emit, attributes, gradient, inputShapes } = emission;
    const shape = kernelShape(attributes, inputShapes[0]);
    const plain = convAttributes({ ...attributes, dilation: [1, 1] });
    const parameters: Record<string, string> = {};
    if (emission.wantsParameter("depthwise_kernel")) {
      const inputs = [emission.savedInput(0), emit.ints(spreadShape(shape, attributes)), gradient];
      const spread = emit.node("DepthwiseConv2dNativeBackpropFilter", inputs, plain);
      parameters["depthwise_kernel"] = gathered(emit, spread, shape, attributes);
    }
    if (attributes.useBias && emission.wantsParameter("bias")) {
      parameters["bias"] = emit.node("BiasAddGrad", [gradient], { T: attr.type("float") });
    }
    if (!emission.wantsInput(0)) return { parameters };
    const kernel = spreadKernel(emit, emission.variable("depthwise_kernel"), shape, attributes);
    const inputs = [emit.batchShape(inputShapes[0]!), kernel, gradient];
    return { parameters, inputs: [emit.node("DepthwiseConv2dNativeBackpropInput", inputs, plain)] };
  },
};

/**
 * TensorFlow's gradient kernels take no notice of a dilation (the results are wrong, there is no error), so a dilated
 * kernel is spread out, with zeros between its elements, for the gradients.
 */
function spreadShape(shape: readonly number[], { dilation }: Attributes): readonly number[] {
  const [height = 1, width = 1, ...rest] = shape;
  return [(height - 1) * dilation[0] + 1, (width - 1) * dilation[1] + 1, ...rest];
}

function spreadKernel(emit: GraphEmitter, kernel: string, shape: readonly number[], attributes: Attributes): string {
  if (!isDilated(attributes)) return kernel;
  const [full, ...ends] = slicing(emit, shape, attributes);
  return emit.node("StridedSliceGrad", [full, ...ends, kernel], SLICE_ATTRIBUTES);
}

function gathered(emit: GraphEmitter, spread: string, shape: readonly number[], attributes: Attributes): string {
  if (!isDilated(attributes)) return spread;
  const [, ...ends] = slicing(emit, shape, attributes);
  return emit.node("StridedSlice", [spread, ...ends], SLICE_ATTRIBUTES);
}

/** Shape of the spread kernel; begin, end and strides of its elements that are not zero. */
function slicing(
  emit: GraphEmitter,
  shape: readonly number[],
  attributes: Attributes,
): readonly [string, string, string, string] {
  const full = emit.ints(spreadShape(shape, attributes));
  return [full, emit.ints([0, 0, 0, 0]), full, emit.ints([...attributes.dilation, 1, 1])];
}

const SLICE_ATTRIBUTES = {
  T: attr.type("float"),
  Index: attr.type("int32"),
  begin_mask: attr.int(0),
  end_mask: attr.int(0),
  ellipsis_mask: attr.int(0),
  new_axis_mask: attr.int(0),
  shrink_axis_mask: attr.int(0),
} as const;

function isDilated({ dilation }: Attributes): boolean {
  return dilation[0] > 1 || dilation[1] > 1;
}

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
