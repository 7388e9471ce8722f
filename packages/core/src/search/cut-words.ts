import { describeConfig, formatBytes, type Prediction, type SearchBudget } from "../facts/index.ts";
import type { CutReason } from "./search-result.ts";

/** What a candidate was held against. */
export interface CutAgainst extends SearchBudget {
  /** What beats it, of one that is dominated. */
  readonly dominator: Prediction | undefined;
}

/** Why a candidate was cut, in words. */
export function becauseOf(
  reason: CutReason,
  { memoryBytes, stepMs }: Prediction,
  { memoryBytes: limitBytes, windowMs, dominator }: CutAgainst,
): string {
  switch (reason) {
    case "policy":
      return "the policy does not allow it";
    case "memory":
      return `may need ${formatBytes(memoryBytes.upper)} of ${formatBytes(limitBytes)}`;
    case "window":
      return `a step may take ${stepMs.upper.toFixed(0)} of ${windowMs.toFixed(0)} ms`;
    case "exact-memory":
      return "counted exactly, it or one much like it needs more than the memory budget";
    case "dominated":
      return `no better in memory, time or accuracy than ${dominator === undefined ? "another" : describeConfig(dominator.config)}`;
  }
}
