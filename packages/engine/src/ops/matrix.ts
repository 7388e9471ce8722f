import type { GraphEmitter } from "../graph/graph-emitter.ts";
import { attr } from "../graph/graph-proto.ts";
import type { SampleShape } from "../model/model-graph.ts";

/** `[batch, ..., features]` as `[rows, features]`, the same numbers. */
export function rowsOf(emit: GraphEmitter, tensor: string, shape: SampleShape = []): string {
  return shape.length === 1 ? tensor : emit.reshape(tensor, [-1, shape.at(-1)!]);
}

/** Rows as `[batch, ...shape]`, the same numbers. */
export function shaped(emit: GraphEmitter, rows: string, shape: SampleShape = []): string {
  return shape.length === 1 ? rows : emit.reshape(rows, [-1, ...shape]);
}

/** The product of two matrices, of which one may be read transposed. */
export function matMul(emit: GraphEmitter, left: string, right: string, transposed?: "left" | "right"): string {
  return emit.node("MatMul", [left, right], {
    T: "float",
    transpose_a: attr.bool(transposed === "left"),
    transpose_b: attr.bool(transposed === "right"),
  });
}
