import { median, type Prediction } from "@mpo/core";
import type { DocumentVersion, WindowResult } from "@mpo/protocol";

/** What was seen, beside what was predicted of it. */
export interface Seen {
  readonly seen: number;
  readonly predicted: Prediction["memoryBytes"];
}

/** A check or a window, in short. What was not measured is absent. */
export interface WindowFacts {
  readonly model: string;
  readonly outcome: WindowResult["outcome"];
  /** That it ran under; undefined: the device did not say. */
  readonly document: DocumentVersion | undefined;
  readonly receivedAtMs: number;
  readonly memoryBytes: Seen | undefined;
  readonly stepMs: Seen | undefined;
  readonly accuracyBefore: number | undefined;
  readonly accuracyAfter: number | undefined;
}

/** The upper bounds that a window or a check has broken. */
export function overBounds(result: WindowResult): readonly ("memory" | "time")[] {
  const { memoryBytes, stepMs } = windowFacts(result);
  const isOver = (seen: Seen | undefined): boolean => seen !== undefined && seen.seen > seen.predicted.upper;
  return [
    ...(result.outcome === "over-memory" || isOver(memoryBytes) ? (["memory"] as const) : []),
    ...(result.outcome === "out-of-time" || isOver(stepMs) ? (["time"] as const) : []),
  ];
}

export function windowFacts(result: WindowResult): WindowFacts {
  const { model, outcome, rung, peakBytes, stepMs, receivedAtMs = 0, accuracyBefore, accuracyAfter } = result;
  return {
    ...{ model, outcome, receivedAtMs, accuracyBefore, accuracyAfter },
    document: result.document,
    memoryBytes: peakBytes === undefined ? undefined : { seen: peakBytes, predicted: rung.memoryBytes },
    stepMs: stepMs.length === 0 ? undefined : { seen: median(stepMs), predicted: rung.stepMs },
  };
}
