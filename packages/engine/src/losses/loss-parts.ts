import type { GraphEmitter } from "../graph/graph-emitter.ts";

/** Keeps a cosine finite. */
const SMALLEST_SQUARE = 1e-12;

export interface LossInputs {
  /** `[b, classes]`. */
  readonly logits: string;
  /** int32 `[b]`. */
  readonly labels: string;
  /** Scalar: 1 / effective batch, so that the sums over micro-batches are means over the batch. */
  readonly sampleWeight: string;
  /** Scalar int32: b. */
  readonly batch: string;
  /** `[classes]`: mean of the latest predictions; `[1]`, a zero, before there are any. */
  readonly meanPrediction: string;
  readonly classes: number;
}

export interface LossTensors {
  /** Scalar: this micro-batch's part of the mean loss. */
  readonly loss: string;
  /** `[b, classes]`: gradient of the logits. */
  readonly gradient: string;
}

/** H(p) for each sample, `[b, 1]`, and its slope, `[b, classes]`: dH/dz_j = -slope_j = -p_j (log p_j + H). */
export function entropyOf(
  emit: GraphEmitter,
  logits: string,
): Readonly<Record<"probabilities" | "perSample" | "slope", string>> {
  const logProbabilities = emit.float32("LogSoftmax", logits);
  const probabilities = emit.float32("Exp", logProbabilities);
  const perSample = emit.float32("Neg", emit.sum(emit.float32("Mul", probabilities, logProbabilities), [1], true));
  const slope = emit.float32("Mul", probabilities, emit.float32("AddV2", logProbabilities, perSample));
  return { probabilities, perSample, slope };
}

/** 1 where a condition holds, else 0. */
export function maskOf(emit: GraphEmitter, condition: string): string {
  return emit.node("Cast", [condition], { SrcT: "bool", DstT: "float" });
}

/** Cosine of each prediction to the mean of the latest, `[b, 1]`; 0 before there are any. */
export function cosineToLatest(emit: GraphEmitter, probabilities: string, meanPrediction: string): string {
  const product = emit.sum(emit.float32("Mul", probabilities, meanPrediction), [1], true);
  const squares = emit.float32(
    "Mul",
    emit.sum(emit.float32("Square", probabilities), [1], true),
    emit.sum(emit.float32("Square", meanPrediction), [0], true),
  );
  const length = emit.float32("Sqrt", emit.float32("Maximum", squares, emit.float(SMALLEST_SQUARE)));
  return emit.float32("RealDiv", product, length);
}
