import { MpoError, NO_BYTES } from "@mpo/core";
import type { GraphEmitter } from "../graph/graph-emitter.ts";
import { attr } from "../graph/graph-proto.ts";
import { elementsOf, type SampleShape } from "../model/model-graph.ts";
import { aligned, broadcastShape, isSameShape, summedBack } from "./broadcasting.ts";
import { activationBytes, opFacts } from "./facts.ts";
import type { ForwardEmission, OpDefinition } from "./op-definition.ts";

/** Sum of two tensors (the end of a residual block). */
export const add: OpDefinition<"add"> = {
  inputCounts: [2, 2],
  outputShape: (_attributes, [left = [], right = []]) => broadcastShape("add", left, right),
  facts: ({ inputShapes: [left = [], right = []], outputShape }) =>
    opFacts({
      overwrites: [0, 1],
      passesThrough: isSameShape(left, right),
      overwritesGradient: isSameShape(left, outputShape),
      flopsPerSample: elementsOf(outputShape),
    }),
  emitForward: (emission) => ({ output: joined(emission, "AddV2") }),
  /** Called only where something is repeated: otherwise the plan passes the gradient through. */
  emitBackward: ({ emit, gradient, inputShapes, outputShape, wantsInput }) => ({
    inputs: inputShapes.map((shape, position) =>
      wantsInput(position) ? summedBack(emit, gradient, shape, outputShape) : undefined,
    ),
  }),
};

/** Product of two tensors, of which one may be a value for each channel, `[1, 1, channels]`. */
export const multiply: OpDefinition<"multiply"> = {
  inputCounts: [2, 2],
  outputShape: (_attributes, [left = [], right = []]) => broadcastShape("multiply", left, right),
  facts: ({ inputShapes: [left = [], right = []], outputShape }) =>
    opFacts({
      overwrites: [0],
      flopsPerSample: elementsOf(outputShape),
      inputNeeds: { inputs: [0, 1], output: false, statistics: false },
      inputWork: isSameShape(left, right) ? NO_BYTES : activationBytes(outputShape),
    }),
  emitForward: (emission) => ({ output: joined(emission, "Mul") }),
  emitBackward({ emit, gradient, inputShapes, outputShape, savedInput, wantsInput }) {
    return {
      inputs: inputShapes.map((shape, position) => {
        if (!wantsInput(position)) return undefined;
        const other = aligned(emit, savedInput(1 - position), inputShapes[1 - position]!, outputShape);
        return summedBack(emit, emit.float32("Mul", gradient, other), shape, outputShape);
      }),
    };
  },
};

function joined({ emit, inputs, inputShapes, outputShape }: ForwardEmission<"add" | "multiply">, op: string): string {
  const [left = "", right = ""] = inputs.map((input, at) => aligned(emit, input, inputShapes[at]!, outputShape));
  return emit.float32(op, left, right);
}

/** Concatenation along the channels (dense blocks). */
export const concat: OpDefinition<"concat"> = {
  inputCounts: [2, Number.POSITIVE_INFINITY],
  outputShape(_attributes, inputShapes) {
    const spatial = inputShapes.map((shape) => shape.slice(0, -1).join());
    if (inputShapes.length < 2 || spatial.some((shape) => shape !== spatial[0])) {
      throw new MpoError(
        "invalid-argument",
        `concat has inputs of shapes ${inputShapes.map((shape) => `[${shape}]`).join(", ")}; expected two or more that differ only in the last extent`,
      );
    }
    const channels = inputShapes.reduce((sum, shape) => sum + lastOf(shape), 0);
    return [...inputShapes[0]!.slice(0, -1), channels];
  },
  facts: () => opFacts({}),
  emitForward: ({ emit, inputs, outputShape }) => ({
    output: emit.node("ConcatV2", [...inputs, emit.int(outputShape.length)], {
      N: attr.int(inputs.length),
      T: "float",
      Tidx: "int32",
    }),
  }),
  emitBackward({ emit, gradient, inputShapes, wantsInput }) {
    let offset = 0;
    return {
      inputs: inputShapes.map((shape, position) => {
        const begin = offset;
        offset += lastOf(shape);
        return wantsInput(position) ? channelSlice(emit, gradient, shape, begin) : undefined;
      }),
    };
  },
};

function lastOf(shape: SampleShape): number {
  return shape[shape.length - 1]!;
}

function channelSlice(emit: GraphEmitter, tensor: string, shape: SampleShape, begin: number): string {
  const begins = [...shape.map(() => 0), begin];
  const sizes = [-1, ...shape];
  return emit.node("Slice", [tensor, emit.ints(begins), emit.ints(sizes)], { T: "float", Index: "int32" });
}
