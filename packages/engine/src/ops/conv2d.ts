import { type Attributes, attr } from "../graph/graph-proto.ts";
import type { OpAttributes, Padding, WindowAttributes } from "../model/model-graph.ts";
import { kernelOp } from "./kernel-op.ts";
import type { OpDefinition } from "./op-definition.ts";
import {
  emitProduct,
  emitProductInputGradient,
  emitProductKernelGradient,
  isProduct,
  runsAsProduct,
  thinnedBytes,
} from "./point-convolution.ts";
import {
  edged,
  edgedBytes,
  imageShape,
  nhwc,
  paddingAttributes,
  windowedSize,
  withEdges,
  withoutEdges,
} from "./window.ts";

/** 2-D convolution, also in channel groups. Input `[h, w, c]`, kernel `[kh, kw, c / groups, filters]`. */
export const conv2d: OpDefinition<"conv2d"> = kernelOp<"conv2d">({
  layerClass: "featureExtraction",
  kernel: "kernel",
  initializer: "heNormal",
  reorders: (attributes) => (isProduct(attributes) ? "nothing" : "kernelAndGradient"),

  kernelShape({ kernelSize, groups, filters }, input) {
    const [, , channels] = imageShape("conv2d", input);
    return [...kernelSize, channels / groups, filters];
  },

  outputShape(attributes, input) {
    return [...windowedSize("conv2d", imageShape("conv2d", input), attributes), attributes.filters];
  },

  copyBytes(attributes, input = []) {
    if (isProduct(attributes)) return thinnedBytes(attributes, input);
    return edgedBytes({ padding: copiedEdges(attributes) }, input);
  },

  emitForward(emission, kernel) {
    if (runsAsProduct(emission)) return emitProduct(emission, kernel);
    const { emit, attributes, inputs } = emission;
    const edges = copiedEdges(attributes);
    const image = withEdges(emit, inputs[0]!, edges);
    return emit.node("Conv2D", [image, kernel], convAttributes(uncopied(attributes, edges)));
  },

  emitKernelGradient(emission, shape) {
    if (isProduct(emission.attributes)) return emitProductKernelGradient(emission, shape);
    const { emit, attributes, gradient, savedInput } = emission;
    const edges = copiedEdges(attributes);
    const inputs = [withEdges(emit, savedInput(0), edges), emit.ints(shape), gradient];
    return emit.node("Conv2DBackpropFilter", inputs, convAttributes(uncopied(attributes, edges)));
  },

  emitInputGradient(emission) {
    if (isProduct(emission.attributes)) return emitProductInputGradient(emission);
    const { emit, attributes, gradient, inputShapes, variable } = emission;
    const edges = copiedEdges(attributes);
    const { shape } = edged({ padding: edges }, inputShapes[0]!);
    const inputs = [emit.batchShape(shape), variable("kernel"), gradient];
    const image = emit.node("Conv2DBackpropInput", inputs, convAttributes(uncopied(attributes, edges)));
    return withoutEdges(emit, image, edges, inputShapes[0]!);
  },
});

type ConvAttributes = OpAttributes["conv2d"];

/** TensorFlow's gradients of convolutions in groups, or with dilations, know no edges of their own: a copy has them. */
function copiedEdges({ groups, dilation, padding }: ConvAttributes): Padding {
  return groups > 1 || dilation.some((extent) => extent > 1) ? padding : "valid";
}

function uncopied(attributes: ConvAttributes, edges: Padding): ConvAttributes {
  return typeof edges === "string" ? attributes : { ...attributes, padding: "valid" };
}

/** The window attributes that every kind of convolution passes to TensorFlow's kernels. */
export function convAttributes({ strides, padding, dilation }: WindowAttributes): Attributes {
  return {
    T: "float",
    strides: attr.ints(nhwc(strides)),
    ...paddingAttributes(padding),
    dilations: attr.ints(nhwc(dilation)),
    data_format: attr.text("NHWC"),
  };
}
