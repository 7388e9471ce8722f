import { isOutOfMemory, type MpoError, typical, type WindowRun } from "@mpo/core";
import { asLine, type WindowOutcome, type WindowResult } from "@mpo/protocol";
import type { RetrainOutcome } from "../ports/agent-engine.ts";

/** The reports of a window, one for each rung that was tried. */
export function windowResults(
  { tries }: WindowRun<RetrainOutcome>,
  { name, model }: { readonly name: string; readonly model: string },
): readonly WindowResult[] {
  return tries.map(({ rung, openedAtMs, durationMs, ended }, index) => ({
    window: index === 0 ? name : `${name}-${index + 1}`,
    ...{ model, openedAtMs, rung, durationMs },
    ...("error" in ended ? failed(ended.error) : finished(ended.result)),
  }));
}

type Ended = Omit<WindowResult, "window" | "model" | "openedAtMs" | "rung" | "durationMs">;

function finished(result: RetrainOutcome): Ended {
  const { isAccepted, steps, stepMs, peakBytes, overheadMs, judgement, judgedSamples, reason } = result;
  const { accuracyBefore, accuracyAfter } = result;
  return {
    outcome: isAccepted ? "replaced" : steps === 0 ? "out-of-time" : "kept-old",
    peakBytes,
    steps,
    stepMs,
    overheadMs,
    ...(judgement === undefined ? {} : { judgement, judgedSamples }),
    accuracyBefore,
    accuracyAfter,
    message: asLine(reason),
  };
}

function failed(error: MpoError): Ended {
  return { outcome: outcomeOf(error), steps: 0, stepMs: [], message: asLine(error.message) };
}

function outcomeOf(error: MpoError): WindowOutcome {
  if (isOutOfMemory(error)) return "over-memory";
  if (error.code === "timed-out") return "out-of-time";
  return error.code === "cancelled" ? "cancelled" : "failed";
}

/** Whether a window proves its document good: it ran to a judgement within the memory and the time that were predicted. */
export function isWithinBounds({ outcome, peakBytes, rung, stepMs }: WindowResult): boolean {
  const isJudged = outcome === "replaced" || outcome === "kept-old";
  return (
    isJudged &&
    (peakBytes ?? 0) <= rung.memoryBytes.upper &&
    (stepMs.length === 0 || typical(stepMs) <= rung.stepMs.upper * SLOWER)
  );
}

/** Time is no safety limit: a busy machine makes any step slower. */
const SLOWER = 2;
