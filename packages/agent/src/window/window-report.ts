import { MpoError, type Prediction } from "@mpo/core";
import { asLine, type WindowOutcome, type WindowResult } from "@mpo/protocol";
import type { RetrainOutcome } from "../ports/agent-engine.ts";

/** One try of a window. */
export interface WindowTry {
  readonly window: string;
  readonly model: string;
  readonly openedAtMs: number;
  readonly rung: Prediction;
  readonly durationMs: number;
}

/** A week: the most that the wire takes. */
const MAX_MS = 604_800_000;

/** The report of a retraining that ran to its end. */
export function finishedWindow(tried: WindowTry, outcome: RetrainOutcome): WindowResult {
  const { steps, stepMs, peakBytes, judgement, accuracyBefore, accuracyAfter } = outcome;
  return {
    ...withLimits(tried),
    outcome: outcome.isAccepted ? "replaced" : steps === 0 ? "out-of-time" : "kept-old",
    ...(peakBytes === undefined ? {} : { peakBytes: Math.round(peakBytes) }),
    steps,
    ...(stepMs === undefined ? {} : { stepMs: Math.min(MAX_MS, stepMs) }),
    ...(judgement === undefined ? {} : { judgement }),
    ...(accuracyBefore === undefined ? {} : { accuracyBefore }),
    ...(accuracyAfter === undefined ? {} : { accuracyAfter }),
    message: asLine(outcome.reason),
  };
}

/** The report of a retraining that threw. */
export function failedWindow(tried: WindowTry, thrown: unknown): WindowResult {
  const error = MpoError.from(thrown);
  return {
    ...withLimits(tried),
    outcome: outcomeOf(error),
    steps: 0,
    message: asLine(error.message),
  };
}

/** Whether a failure says that the configuration does not fit: its worker hit the cap or was killed. */
export function isOutOfMemory(thrown: unknown): boolean {
  if (!(thrown instanceof MpoError)) return false;
  return thrown.code === "over-memory-cap" || thrown.code === "worker-killed";
}

function outcomeOf(error: MpoError): WindowOutcome {
  if (isOutOfMemory(error)) return "over-memory";
  if (error.code === "timed-out") return "out-of-time";
  return error.code === "cancelled" ? "cancelled" : "failed";
}

function withLimits({ durationMs, ...rest }: WindowTry): Omit<WindowResult, "outcome" | "steps" | "message"> {
  return { ...rest, durationMs: Math.min(MAX_MS, Math.max(0, durationMs)) };
}

/** Whether a window proves its document good: it ran to a judgement within the memory and the time that were predicted. */
export function isWithinBounds({ outcome, peakBytes, rung, stepMs }: WindowResult): boolean {
  const isJudged = outcome === "replaced" || outcome === "kept-old";
  return isJudged && (peakBytes ?? 0) <= rung.memoryBytes.upper && (stepMs ?? 0) <= rung.stepMs.upper * SLOWER;
}

/** Time is no safety limit: a busy machine makes any step slower. */
const SLOWER = 2;
