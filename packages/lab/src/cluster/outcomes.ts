import { hasCode } from "@mpo/core";
import type { ClusterHistory } from "./cluster-history.ts";

/** Where a load says what became of its calls. */
export interface LoadNotes {
  readonly history: ClusterHistory;
  /** Counts an outcome. */
  readonly onOutcome: (outcome: string) => void;
  readonly signal: AbortSignal;
}

/** Notes why a call failed: what is unknown (it may have happened, and may still happen) is no fault; anything else is. */
export function noteFailure({ history, onOutcome, signal }: LoadNotes, what: string, thrown: unknown): void {
  if (signal.aborted) return;
  if (hasCode(thrown, "unavailable", "timed-out", "cancelled")) onOutcome(`${what} unknown`);
  else history.fail(`a ${what}: ${String(thrown)}`);
}
