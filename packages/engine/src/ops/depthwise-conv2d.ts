import type { GraphEmitter } from "../graph/graph-emitter.ts";
import { attr } from "../graph/graph-proto.ts";
import type { OpAttributes, WindowAttributes } from "../model/model-graph.ts";
import { convAttributes } from "./conv2d.ts";
import { kernelOp } from "./kernel-op.ts";
import type { OpDefinition } from "./op-definition.ts";
import { edged, edgedBytes, imageShape, windowedSize, withEdges, withoutEdges } from "./window.ts";

/** Convolution of each channel on its own. Input `[h, w, c]`, kernel `[kh, kw, c, depthMultiplier]`. */
export const depthwiseConv2d: OpDefinition<"depthwiseConv2d"> = kernelOp<"depthwiseConv2d">({
  layerClass: "featureExtraction",
  kernel: "depthwise_kernel",
  initializer: "heNormal",
  reorders: () => "kernelAndGradient",
  // TensorFlow's fused kernel knows no edges of their own, and ends the process over them.
  copyBytes: (attributes, input = []) => edgedBytes(attributes, input),

  kernelShape({ kernelSize, depthMultiplier }, input) {
    const [, , channels] = imageShape("depthwiseConv2d", input);
    return [...kernelSize, channels, depthMultiplier];
  },

  outputShape(attributes, input) {
    const image = imageShape("depthwiseConv2d", input);
    return [...windowedSize("depthwiseConv2d", image, attributes), image[2] * attributes.depthMultiplier];
  },

  emitForward({ emit, attributes, inputs }, kernel) {
    const image = withEdges(emit, inputs[0]!, attributes.padding);
    return emit.node("DepthwiseConv2dNative", [image, kernel], convAttributes(withoutPadding(attributes)));
  },

  emitKernelGradient({ emit, attributes, gradient, savedInput }, shape) {
    const image = withEdges(emit, savedInput(0), attributes.padding);
    const inputs = [image, emit.ints(spreadShape(shape, attributes)), gradient];
    const plain = convAttributes({ ...withoutPadding(attributes), dilation: [1, 1] });
    return gathered(emit, emit.node("DepthwiseConv2dNativeBackpropFilter", inputs, plain), shape, attributes);
  },

  emitInputGradient({ emit, attributes, gradient, inputShapes, variable }, shape) {
    const kernel = spreadKernel(emit, variable("depthwise_kernel"), shape, attributes);
    const { window, shape: outer } = edged(attributes, inputShapes[0]!);
    const inputs = [emit.batchShape(outer), kernel, gradient];
    const image = emit.node(
      "DepthwiseConv2dNativeBackpropInput",
      inputs,
      convAttributes({ ...window, dilation: [1, 1] }),
    );
    return withoutEdges(emit, image, attributes.padding, inputShapes[0]!);
  },
});

function withoutPadding(attributes: OpAttributes["depthwiseConv2d"]): OpAttributes["depthwiseConv2d"] {
  return edged(attributes, []).window;
}

/**
 * TensorFlow's gradient kernels ignore dilation (wrong results, no error), so a dilated
 * kernel is spread out, with zeros between its elements, for the gradients.
 */
function spreadShape(shape: readonly number[], { dilation }: WindowAttributes): readonly number[] {
  const [height = 1, width = 1, ...rest] = shape;
  return [(height - 1) * dilation[0] + 1, (width - 1) * dilation[1] + 1, ...rest];
}

function spreadKernel(
  emit: GraphEmitter,
  kernel: string,
  shape: readonly number[],
  attributes: WindowAttributes,
): string {
  if (!isDilated(attributes)) return kernel;
  const [full, ...ends] = slicing(emit, shape, attributes);
  return emit.node("StridedSliceGrad", [full, ...ends, kernel], SLICE_ATTRIBUTES);
}

function gathered(emit: GraphEmitter, spread: string, shape: readonly number[], attributes: WindowAttributes): string {
  if (!isDilated(attributes)) return spread;
  const [, ...ends] = slicing(emit, shape, attributes);
  return emit.node("StridedSlice", [spread, ...ends], SLICE_ATTRIBUTES);
}

/** Shape of the spread kernel; begin, end and strides of its elements that are not zero. */
function slicing(
  emit: GraphEmitter,
  shape: readonly number[],
  attributes: WindowAttributes,
): readonly [string, string, string, string] {
  const full = emit.ints(spreadShape(shape, attributes));
  return [full, emit.ints([0, 0, 0, 0]), full, emit.ints([...attributes.dilation, 1, 1])];
}

const SLICE_ATTRIBUTES = {
  T: "float",
  Index: "int32",
  begin_mask: attr.int(0),
  end_mask: attr.int(0),
  ellipsis_mask: attr.int(0),
  new_axis_mask: attr.int(0),
  shrink_axis_mask: attr.int(0),
} as const;

function isDilated({ dilation }: WindowAttributes): boolean {
  return dilation[0] > 1 || dilation[1] > 1;
}
