import type { GraphEmitter } from "../graph/graph-emitter.ts";
import type { ModelHead } from "../model/model-head.ts";

/** Logits `[b, classes]` by what the last of a head's nodes gives. */
export function emitLogits(emit: GraphEmitter, { ending }: ModelHead, last: string): string {
  if (ending !== "sigmoid") return last;
  return emit.node("Pad", [last, emit.intMatrix([NOTHING, ZERO_BEFORE])], { T: "float", Tpaddings: "int32" });
}

const NOTHING = [0, 0];
const ZERO_BEFORE = [1, 0];

/** Gradient of what the last node gives, by that of the logits. */
export function emitLastGradient(emit: GraphEmitter, { ending }: ModelHead, gradient: string): string {
  if (ending !== "sigmoid") return gradient;
  return emit.node("Slice", [gradient, emit.ints([0, 1]), emit.ints([-1, 1])], { T: "float", Index: "int32" });
}
