import { type Attributes, attr } from "../graph/graph-proto.ts";
import type { WindowAttributes } from "../model/model-graph.ts";
import { kernelOp } from "./kernel-op.ts";
import type { OpDefinition } from "./op-definition.ts";
import { imageShape, nhwc, windowedSize } from "./window.ts";

/** 2-D convolution, also in channel groups. Input `[h, w, c]`, kernel `[kh, kw, c / groups, filters]`. */
export const conv2d: OpDefinition<"conv2d"> = kernelOp<"conv2d">({
  layerClass: "featureExtraction",
  kernel: "kernel",
  initializer: "heNormal",
  reordersGradient: true,

  kernelShape({ kernelSize, groups, filters }, input) {
    const [, , channels] = imageShape("conv2d", input);
    return [...kernelSize, channels / groups, filters];
  },

  outputShape(attributes, input) {
    return [...windowedSize("conv2d", imageShape("conv2d", input), attributes), attributes.filters];
  },

  emitForward({ emit, attributes, inputs }, kernel) {
    return emit.node("Conv2D", [inputs[0]!, kernel], convAttributes(attributes));
  },

  emitKernelGradient({ emit, attributes, gradient, savedInput }, shape) {
    return emit.node("Conv2DBackpropFilter", [savedInput(0), emit.ints(shape), gradient], convAttributes(attributes));
  },

  emitInputGradient({ emit, attributes, gradient, inputShapes, variable }) {
    const inputs = [emit.batchShape(inputShapes[0]!), variable("kernel"), gradient];
    return emit.node("Conv2DBackpropInput", inputs, convAttributes(attributes));
  },
});

/** The window attributes that every kind of convolution passes to TensorFlow's kernels. */
export function convAttributes({ strides, padding, dilation }: WindowAttributes): Attributes {
  return {
    T: "float",
    strides: attr.ints(nhwc(strides)),
    padding: attr.text(padding.toUpperCase()),
    dilations: attr.ints(nhwc(dilation)),
    data_format: attr.text("NHWC"),
  };
}
