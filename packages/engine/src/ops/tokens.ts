import { perSampleBytes } from "@mpo/core";
import type { GraphEmitter } from "../graph/graph-emitter.ts";
import { attr } from "../graph/graph-proto.ts";
import { elementsOf, type SampleShape } from "../model/model-graph.ts";
import { FLOAT_BYTES, opFacts } from "./facts.ts";
import { misfit } from "./misfit.ts";
import type { OpDefinition } from "./op-definition.ts";

/** A trained token before the others: `[..., tokens, width]` to `[..., tokens + 1, width]`. */
export const classToken: OpDefinition<"classToken"> = {
  layerClass: "featureExtraction",
  outputShape(_attributes, [input = []]) {
    if (input.length < 2) throw misfit(`classToken has an input of shape [${input}]; expected [..., tokens, width]`);
    return input.with(-2, input.at(-2)! + 1);
  },
  variables: (_attributes, [input = []]) => [
    { name: "token", shape: [1, ...input.slice(-1)], initializer: "smallNormal", trainable: true },
  ],
  facts({ outputShape }) {
    const token = perSampleBytes(elementsOf(outputShape.with(-2, 1)) * FLOAT_BYTES);
    return opFacts({ forwardWork: token, parameterWork: token });
  },
  emitForward({ emit, inputs, variable, outputShape }) {
    const shape = emit.batchShape(outputShape.with(-2, 1));
    const token = emit.node("BroadcastTo", [variable("token"), shape], { T: "float", Tidx: "int32" });
    const attributes = { N: attr.int(2), T: "float", Tidx: "int32" } as const;
    return { output: emit.node("ConcatV2", [token, inputs[0]!, emit.int(outputShape.length - 1)], attributes) };
  },
  emitBackward({ emit, gradient, inputShapes, outputShape, wantsInput, wantsParameter }) {
    const own = (): string => {
      const rows = emit.reshape(tokensOf(emit, gradient, outputShape, 0, 1), [-1, outputShape.at(-1)!]);
      return emit.sum(rows, [0], true);
    };
    const rest = (): string => tokensOf(emit, gradient, outputShape, 1, inputShapes[0]!.at(-2)!);
    return { parameters: wantsParameter("token") ? { token: own() } : {}, inputs: wantsInput(0) ? [rest()] : [] };
  },
};

/** Some of the tokens of `[batch, ..., tokens, width]`. */
function tokensOf(emit: GraphEmitter, tensor: string, shape: SampleShape, begin: number, count: number): string {
  const begins = [0, ...shape.map(() => 0).with(-2, begin)];
  return emit.node("Slice", [tensor, emit.ints(begins), emit.ints([-1, ...shape.with(-2, count)])], {
    T: "float",
    Index: "int32",
  });
}

/** Adds a trained value at each place of the sample. */
export const positions: OpDefinition<"positions"> = {
  layerClass: "featureExtraction",
  outputShape: (_attributes, [input = []]) => input,
  variables: (_attributes, [input = []]) => [
    { name: "embedding", shape: input, initializer: "smallNormal", trainable: true },
  ],
  facts: ({ outputShape }) =>
    opFacts({ overwrites: [0], overwritesGradient: true, flopsPerSample: elementsOf(outputShape) }),
  emitForward: ({ emit, inputs, variable }) => ({ output: emit.float32("AddV2", inputs[0]!, variable("embedding")) }),
  emitBackward: ({ emit, gradient, wantsParameter }) => ({
    parameters: wantsParameter("embedding") ? { embedding: emit.sum(gradient, [0], false) } : {},
    inputs: [gradient],
  }),
};
