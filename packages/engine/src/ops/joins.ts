import { MpoError } from "@mpo/core";
import type { GraphEmitter } from "../graph/graph-emitter.ts";
import { attr } from "../graph/graph-proto.ts";
import { elementsOf, type SampleShape } from "../model/model-graph.ts";
import { activationBytes, opFacts } from "./facts.ts";
import { misfit } from "./misfit.ts";
import type { OpDefinition } from "./op-definition.ts";

/** Sum of two tensors of the same shape (the end of a residual block). */
export const add: OpDefinition<"add"> = {
  inputCounts: [2, 2],
  outputShape(_attributes, [left = [], right = []]) {
    if (left.join() !== right.join()) {
      throw misfit(`add has inputs of shapes [${left}] and [${right}]; expected the same shape`);
    }
    return left;
  },
  facts: ({ outputShape }) =>
    opFacts({ overwrites: [0, 1], passesThrough: true, flopsPerSample: elementsOf(outputShape) }),
  emitForward: ({ emit, inputs: [left, right] }) => ({
    output: emit.float32("AddV2", left as string, right as string),
  }),
  /** Never called: the plan passes the gradient through. */
  emitBackward: ({ gradient }) => ({ inputs: [gradient, gradient] }),
};

/** Product of two tensors; the second may be one value for each channel, `[1, 1, channels]`. */
export const multiply: OpDefinition<"multiply"> = {
  inputCounts: [2, 2],
  outputShape(_attributes, [left = [], right = []]) {
    if (!isGate(left, right) && left.join() !== right.join()) {
      throw misfit(
        `multiply has inputs of shapes [${left}] and [${right}]; expected the same shape, or [1, 1, channels] second`,
      );
    }
    return left;
  },
  facts: ({ inputShapes: [left = [], right = []], outputShape }) =>
    opFacts({
      overwrites: [0],
      flopsPerSample: elementsOf(outputShape),
      inputNeeds: { inputs: [0, 1], output: false, statistics: false },
      inputWork: isGate(left, right) ? activationBytes(left) : { fixed: 0, perSample: 0 },
    }),
  emitForward: ({ emit, inputs: [left, right] }) => ({ output: emit.float32("Mul", left as string, right as string) }),
  emitBackward(emission) {
    const { emit, gradient, inputShapes } = emission;
    const [left = [], right = []] = inputShapes;
    const product = (position: number): string => emit.float32("Mul", gradient, emission.savedInput(position));
    const forRight = (): string => (isGate(left, right) ? emit.sum(product(0), [1, 2], true) : product(0));
    return {
      inputs: [emission.wantsInput(0) ? product(1) : undefined, emission.wantsInput(1) ? forRight() : undefined],
    };
  },
};

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

function isGate(left: SampleShape, right: SampleShape): boolean {
  return left.length === 3 && right.length === 3 && right[0] === 1 && right[1] === 1 && left[2] === right[2];
}

function lastOf(shape: SampleShape): number {
  return shape[shape.length - 1]!;
}

function channelSlice(emit: GraphEmitter, tensor: string, shape: SampleShape, begin: number): string {
  const begins = [...shape.map(() => 0), begin];
  const sizes = [-1, ...shape];
  return emit.node("Slice", [tensor, emit.ints(begins), emit.ints(sizes)], { T: "float", Index: "int32" });
}
