import { type Attributes, attr } from "../graph/graph-proto.ts";
import { elementsOf, type OpAttributes, type SampleShape } from "../model/model-graph.ts";
import { opFacts } from "./facts.ts";
import type { OpDefinition, OpPlace } from "./op-definition.ts";
import { spread } from "./reduce.ts";
import { imageShape, nhwc, paddingAttributes, windowedSize } from "./window.ts";

type PoolAttributes = OpAttributes["maxPool"];

/** Maximum over a window. Its gradient reads input and output. */
export const maxPool: OpDefinition<"maxPool"> = {
  outputShape: pooledShape,
  facts: (place) =>
    opFacts({ flopsPerSample: poolFlops(place), inputNeeds: { inputs: [0], output: true, statistics: false } }),
  emitForward: ({ emit, attributes, inputs }) => ({
    output: emit.node("MaxPool", [inputs[0]!], poolAttributes(attributes)),
  }),
  emitBackward(emission) {
    const inputs = [emission.savedInput(0), emission.savedOutput(), emission.gradient];
    return { inputs: [emission.emit.node("MaxPoolGrad", inputs, poolAttributes(emission.attributes))] };
  },
};

/** Mean over a window. */
export const avgPool: OpDefinition<"avgPool"> = {
  outputShape: pooledShape,
  facts: (place) => opFacts({ flopsPerSample: poolFlops(place) }),
  emitForward: ({ emit, attributes, inputs }) => ({
    output: emit.node("AvgPool", [inputs[0]!], poolAttributes(attributes)),
  }),
  emitBackward({ emit, attributes, gradient, inputShapes }) {
    const shape = emit.batchShape(inputShapes[0]!);
    return { inputs: [emit.node("AvgPoolGrad", [shape, gradient], poolAttributes(attributes))] };
  },
};

/** Mean over height and width: `[h, w, c]` to `[c]`, or to `[1, 1, c]`. */
export const globalAvgPool: OpDefinition<"globalAvgPool"> = {
  outputShape(attributes, [input]) {
    const [, , channels] = imageShape("globalAvgPool", input);
    return attributes.keepDims ? [1, 1, channels] : [channels];
  },
  facts: ({ inputShapes }) => opFacts({ flopsPerSample: elementsOf(inputShapes[0]!) }),
  emitForward: ({ emit, attributes, inputs }) => ({
    output: emit.mean(inputs[0]!, [1, 2], attributes.keepDims),
  }),
  emitBackward({ emit, gradient, inputShapes }) {
    const shape = imageShape("globalAvgPool", inputShapes[0]);
    const scaled = emit.float32("Mul", gradient, emit.float(1 / (shape[0] * shape[1])));
    return { inputs: [spread(emit, scaled, shape, [0, 1])] };
  },
};

function pooledShape(attributes: PoolAttributes, [input]: readonly SampleShape[]): SampleShape {
  const image = imageShape("pooling", input);
  const window = { ...attributes, kernelSize: attributes.poolSize, dilation: [1, 1] } as const;
  return [...windowedSize("pooling", image, window), image[2]];
}

function poolFlops({ attributes, outputShape }: OpPlace<"maxPool"> | OpPlace<"avgPool">): number {
  return elementsOf(outputShape) * elementsOf(attributes.poolSize);
}

function poolAttributes(attributes: PoolAttributes): Attributes {
  return {
    T: "float",
    ksize: attr.ints(nhwc(attributes.poolSize)),
    strides: attr.ints(nhwc(attributes.strides)),
    ...paddingAttributes(attributes.padding),
    data_format: attr.text("NHWC"),
  };
}
