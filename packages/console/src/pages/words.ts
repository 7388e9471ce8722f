import { byWhom, type RolloutPhase } from "@mpo/core";
import type { DeviceView, DocumentState, RolloutView, WindowOutcome } from "@mpo/protocol";
import type { Tone } from "../ui/figures.tsx";

/** What states are called, and how they look, on every page alike. */

export function presenceOf({ presence, retiredAtMs }: DeviceView): "online" | "offline" | "retired" {
  return retiredAtMs === undefined ? presence : "retired";
}

export const PRESENCE_TONES: Readonly<Record<ReturnType<typeof presenceOf>, Tone>> = {
  online: "good",
  offline: "warn",
  retired: "plain",
};

export const PHASE_TONES: Readonly<Record<RolloutPhase, Tone>> = {
  planned: "plain",
  running: "busy",
  paused: "warn",
  halted: "bad",
  "rolling-back": "warn",
  conflicted: "bad",
  finishing: "busy",
  completed: "good",
  stopped: "plain",
  "rolled-back": "plain",
};

/** Why a rollout stands as it does, and whom it waits for. What is said of a halt begins with its reason: that stands once. */
export function rolloutSays({ reason, waitsFor = "" }: Pick<RolloutView, "reason" | "waitsFor">): string {
  const parts = waitsFor.startsWith(reason) ? [waitsFor] : [reason, waitsFor];
  return byWhom(parts.filter((words) => words !== "").join("; "));
}

export const OUTCOME_TONES: Readonly<Record<WindowOutcome, Tone>> = {
  replaced: "good",
  "kept-old": "plain",
  "over-memory": "bad",
  "out-of-time": "warn",
  failed: "bad",
  cancelled: "warn",
  checked: "plain",
};

/** What became of a model in a window, in words. */
export const OUTCOMES: Readonly<Record<WindowOutcome, string>> = {
  replaced: "better model in use",
  "kept-old": "old model kept",
  "over-memory": "over its memory",
  "out-of-time": "out of time",
  failed: "failed",
  cancelled: "cancelled",
  checked: "checked",
};

export const DOCUMENT_TONES: Readonly<Record<DocumentState, Tone>> = {
  accepted: "busy",
  applied: "busy",
  confirmed: "good",
  failed: "bad",
  refused: "bad",
};
