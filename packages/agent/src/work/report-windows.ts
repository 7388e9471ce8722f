import { describeRung } from "@mpo/core";
import type { WindowResult } from "@mpo/protocol";
import type { AgentParts } from "../core/agent-parts.ts";

/** Logs and reports how the tries of a window, or of a check, ended. */
export async function reportWindows(
  { ports, outbox, onReport }: Pick<AgentParts, "ports" | "outbox"> & { readonly onReport: () => void },
  what: "retraining" | "check",
  results: readonly WindowResult[],
): Promise<void> {
  for (const window of results) {
    const { rung, peakBytes, stepMs, steps, outcome, message } = window;
    ports.logger.info(`a ${what} ended`, {
      ...{ window: window.window, outcome, message, config: describeRung(rung), steps },
      memoryBytes: { predicted: rung.memoryBytes.expected, atMost: rung.memoryBytes.upper, measured: peakBytes },
      stepMs: { predicted: rung.stepMs.expected, measured: stepMs },
    });
    await outbox.addStatus({ kind: "window", window }, window.openedAtMs);
  }
  if (results.length > 0) onReport();
}
