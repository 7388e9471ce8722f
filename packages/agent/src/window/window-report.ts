import { isOutOfMemory, type MpoError, type Prediction, typical, type WindowRun } from "@mpo/core";
import { asLine, type WindowOutcome, type WindowResult } from "@mpo/protocol";
import type { CheckResult, RetrainOutcome } from "../ports/agent-engine.ts";

/** What the reports of a window have in common. */
interface WindowFacts extends Pick<WindowResult, "model" | "document"> {
  readonly name: string;
}

/** The reports of a window, or of a check, one for each rung that was tried; `finished`: how one ended that ran. */
export function windowResults<Result>(
  { tries }: WindowRun<Result>,
  { name, model, document }: WindowFacts,
  finished: (result: Result) => Ended,
): readonly WindowResult[] {
  return tries.map(({ rung, openedAtMs, durationMs, ended }, index) => ({
    window: index === 0 ? name : `${name}-${index + 1}`,
    ...{ model, document, openedAtMs, rung, durationMs },
    ...("error" in ended ? failed(ended.error) : finished(ended.result)),
  }));
}

type Ended = Omit<WindowResult, "window" | "model" | "document" | "openedAtMs" | "rung" | "durationMs">;

/** How a retraining ended. */
export function retrained(result: RetrainOutcome): Ended {
  const { isAccepted, steps, stepMs, peakBytes, overheadMs, judgement, judgedSamples, reason } = result;
  const { accuracyBefore, accuracyAfter } = result;
  return {
    outcome: isAccepted ? "replaced" : "kept-old",
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

/** How a check ended. */
export function checkedSteps({ measured: { peakBytes, stepMs } }: CheckResult): Ended {
  const message = "a few steps were measured; nothing was retrained";
  return { outcome: "checked", peakBytes, steps: stepMs.length, stepMs, message };
}

function failed(error: MpoError): Ended {
  return { outcome: outcomeOf(error), steps: 0, stepMs: [], message: asLine(error.message) };
}

function outcomeOf(error: MpoError): WindowOutcome {
  if (isOutOfMemory(error)) return "over-memory";
  if (error.code === "timed-out") return "out-of-time";
  return error.code === "cancelled" ? "cancelled" : "failed";
}

/**
 * Whether a window, or a check, proves its document good: it ran to its end within the memory and the time that were
 * predicted.
 */
export function isWithinBounds({ outcome, peakBytes, rung, steps, stepMs }: WindowResult): boolean {
  const hasEnded = outcome === "replaced" || outcome === "kept-old" || outcome === "checked";
  return hasEnded && steps > 0 && (peakBytes ?? 0) <= rung.memoryBytes.upper && typicalOf(stepMs) <= slowest(rung);
}

/** What a step took that is slower than a document may be; undefined: it is not. */
export function tooSlow({ rung, stepMs }: WindowResult): string | undefined {
  const ms = typicalOf(stepMs);
  return ms > slowest(rung)
    ? `a step took ${Math.round(ms)} ms; at most ${Math.round(slowest(rung))} ms were expected`
    : undefined;
}

function typicalOf(stepMs: readonly number[]): number {
  return stepMs.length === 0 ? 0 : typical(stepMs);
}

/** What a step may take, milliseconds. */
export function slowest({ stepMs }: Prediction): number {
  return stepMs.upper * SLOWER;
}

/** Time is no safety limit: a busy machine makes any step slower. */
const SLOWER = 2;
