import { type AffineBytes, perSampleBytes } from "@mpo/core";
import type { GraphEmitter } from "../graph/graph-emitter.ts";
import { attr } from "../graph/graph-proto.ts";
import { elementsOf, type OpAttributes, type SampleShape } from "../model/model-graph.ts";
import { FLOAT_BYTES, opFacts } from "./facts.ts";
import { misfit } from "./misfit.ts";
import type { BackwardEmission, OpDefinition, OpPlace } from "./op-definition.ts";

type Attributes = OpAttributes["attention"];

/**
 * Scaled dot-product attention (Vaswani et al. 2017): `softmax(scale * q k^T) v`, head by head. It keeps nothing: the
 * gradient makes the probabilities again from q and k. That takes 3 % of a step of ViT-Tiny (224 pixels, by the times of
 * its kernels); kept, they would add 19 % to the memory of that step, and as much to MobileViT-XXS (256 pixels).
 */
export const attention: OpDefinition<"attention"> = {
  inputCounts: [1, 3],

  outputShape(attributes, inputShapes) {
    const { width, queries } = extentsOf(attributes, inputShapes);
    return [...(inputShapes[0] ?? []).slice(0, -2), queries, width];
  },

  facts(place) {
    const { heads, width, queries, keys, sequences } = extentsOf(place.attributes, place.inputShapes);
    const bytes = (elements: number): AffineBytes => perSampleBytes(Math.max(0, sequences * elements * FLOAT_BYTES));
    const probabilities = heads * queries * keys;
    const byHead = (queries + 2 * keys) * width;
    // Scaled, q is a tensor of its own where it shares its buffer with k and v.
    const query = queries * width;
    const scaled = place.inputShapes.length === 1 ? query : 0;
    const all = place.inputShapes.map((_shape, position) => position);
    return opFacts({
      earlyForwardWork: bytes(byHead + scaled + probabilities),
      forwardWork: bytes(query),
      // The inputs are gone once they are by head, and the gradients by head once they are in the inputs' order.
      inputWork: bytes(2 * probabilities + scaled + query - byHead),
      flopsPerSample: sequences * (4 * probabilities * (width / heads) + 5 * probabilities),
      inputNeeds: { inputs: all, output: false, statistics: false },
    });
  },

  emitForward(emission) {
    const { emit, outputShape } = emission;
    const parts = byHeads(emission, emission.inputs);
    const result = matMul(emit, probabilitiesOf(emit, parts), parts.v);
    return { output: merged(emit, result, outputShape) };
  },

  emitBackward(emission) {
    const { emit, attributes } = emission;
    const saved = emission.inputShapes.map((_shape, position) => emission.savedInput(position));
    const parts = byHeads(emission, saved);
    const { queries, headWidth } = extentsOf(attributes, emission.inputShapes);
    const gradient = splitHeads(emit, emission.gradient, [queries, attributes.heads, headWidth]);
    const probabilities = probabilitiesOf(emit, parts);
    const forValues = matMul(emit, probabilities, gradient, "left");
    // Of the scores: p * (dp - sum(p * dp)), as p * dp - p * sum(p * dp), written over dp and, once v's is there, over p.
    const weighted = emit.float32("Mul", matMul(emit, gradient, parts.v, "right"), probabilities);
    const sums = emit.sum(weighted, [-1], true);
    const shares = emit.float32("Mul", probabilities, sums, `^${forValues}`);
    const forScores = emit.float32("Sub", weighted, shares);
    const forQueries = emit.float32("Mul", matMul(emit, forScores, parts.k), emit.float(attributes.scale));
    const forKeys = matMul(emit, forScores, parts.q, "left");
    return { inputs: joined(emission, [forQueries, forKeys, forValues]) };
  },
};

interface Extents {
  readonly heads: number;
  readonly width: number;
  readonly headWidth: number;
  /** Tokens. */
  readonly queries: number;
  readonly keys: number;
  /** Of one sample, each with an attention of its own. */
  readonly sequences: number;
}

function extentsOf({ heads }: Attributes, shapes: readonly SampleShape[]): Extents {
  const [q = [], k = q, v = q] = shapes;
  const isPacked = shapes.length === 1;
  const fits = isPacked
    ? q.length >= 2 && q.at(-1)! % 3 === 0
    : q.length >= 2 && k.join() === v.join() && q.with(-2, k.at(-2)!).join() === k.join();
  if (shapes.length === 2 || !fits) {
    const found = shapes.map((shape) => `[${shape}]`).join(", ");
    throw misfit(
      `attention has inputs of shapes ${found}; expected [..., tokens, 3 * width], or three of [..., tokens, width]`,
    );
  }
  const width = isPacked ? q.at(-1)! / 3 : q.at(-1)!;
  if (width % heads !== 0) throw misfit(`attention: ${heads} heads do not divide a width of ${width}`);
  const sequences = elementsOf(q.slice(0, -2));
  return { heads, width, headWidth: width / heads, queries: q.at(-2)!, keys: k.at(-2)!, sequences };
}

/** `[batch, heads, tokens, head width]` each; q is scaled, which is fewer numbers than its products with k. */
interface Parts {
  readonly q: string;
  readonly k: string;
  readonly v: string;
}

type Place = OpPlace<"attention"> & Pick<BackwardEmission<"attention">, "emit">;

function byHeads({ emit, attributes, inputShapes }: Place, inputs: readonly string[]): Parts {
  const { heads, headWidth, queries, keys } = extentsOf(attributes, inputShapes);
  const scaled = (q: string): string => emit.float32("Mul", q, emit.float(attributes.scale));
  if (inputs.length === 1) {
    const split = emit.reshape(inputs[0]!, [-1, queries, 3, heads, headWidth]);
    // Slices of the first axis share its buffer: one transposition is the only copy.
    const parts = emit.node("Unpack", [transposed(emit, split, [2, 0, 3, 1, 4])], {
      T: "float",
      num: attr.int(3),
      axis: attr.int(0),
    });
    return { q: scaled(parts), k: `${parts}:1`, v: `${parts}:2` };
  }
  const [q = "", k = "", v = ""] = inputs;
  return {
    q: scaled(splitHeads(emit, q, [queries, heads, headWidth])),
    k: splitHeads(emit, k, [keys, heads, headWidth]),
    v: splitHeads(emit, v, [keys, heads, headWidth]),
  };
}

function probabilitiesOf(emit: GraphEmitter, { q, k }: Parts): string {
  return emit.float32("Softmax", matMul(emit, q, k, "right"));
}

/** The gradients of q, k and v, `[batch, heads, tokens, head width]` each, in the form of the inputs. */
function joined({ emit, inputShapes }: Place, gradients: readonly string[]): readonly string[] {
  if (inputShapes.length > 1) return gradients.map((part, position) => merged(emit, part, inputShapes[position]!));
  const packed = emit.node("Pack", gradients, { N: attr.int(gradients.length), T: "float", axis: attr.int(0) });
  return [emit.reshape(transposed(emit, packed, [1, 3, 0, 2, 4]), [-1, ...inputShapes[0]!])];
}

/** `[batch, tokens, width]` to `[batch, heads, tokens, head width]`. */
function splitHeads(emit: GraphEmitter, tensor: string, tokensByHeads: readonly number[]): string {
  return transposed(emit, emit.reshape(tensor, [-1, ...tokensByHeads]), [0, 2, 1, 3]);
}

function merged(emit: GraphEmitter, tensor: string, shape: SampleShape): string {
  return emit.reshape(transposed(emit, tensor, [0, 2, 1, 3]), [-1, ...shape]);
}

function transposed(emit: GraphEmitter, tensor: string, order: readonly number[]): string {
  return emit.node("Transpose", [tensor, emit.ints(order)], { T: "float", Tperm: "int32" });
}

function matMul(emit: GraphEmitter, left: string, right: string, adjoint?: "left" | "right"): string {
  return emit.node("BatchMatMulV2", [left, right], {
    T: "float",
    adj_x: attr.bool(adjoint === "left"),
    adj_y: attr.bool(adjoint === "right"),
  });
}
