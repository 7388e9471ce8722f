import type { DeviceFacts, Outcome } from "./machine.ts";
import { STUCK } from "./roll-back.ts";
import type { DeviceProgress } from "./rollout-state.ts";
import type { RolloutSpec } from "./spec.ts";

/** From the least to the most that a device can show. */
const SHOWN: readonly Outcome[] = ["applied", "checked", "window"];

/** Whether a device has shown as much as the rollout asks for. */
function hasShown(outcome: Outcome | undefined, confirm: RolloutSpec["confirm"]): boolean {
  return outcome !== undefined && SHOWN.indexOf(outcome) >= SHOWN.indexOf(confirm);
}

/** Whether something may still become of what a device was given, or is to be. */
export function isWatched({ state }: DeviceProgress): boolean {
  return state === "in-progress" || state === "timed-out" || state === "rolling-back";
}

/** A device after a look at what became of its document; the same object when nothing did. */
export function observeDevice(
  { confirm, retries, timeouts }: RolloutSpec,
  device: DeviceProgress,
  { outcome, message = "" }: DeviceFacts,
  nowMs: number,
): DeviceProgress {
  const { state, attempts, sinceMs, given } = device;
  // Of one that was given nothing yet, only that it never will be says something.
  if (given === undefined && outcome !== "failed") return device;
  const becomes = (next: DeviceProgress["state"], words = message): DeviceProgress => ({
    ...device,
    ...{ state: next, sinceMs: nowMs, message: words },
  });
  // Tried again, it is given a document of its own for the new attempt.
  const failed = (next: DeviceProgress["state"], words: string): DeviceProgress => {
    if (attempts > retries) return becomes(next, words);
    const { given: _, ...rest } = becomes("pending", words);
    return rest;
  };
  const isLate = nowMs - sinceMs >= timeouts.device;
  switch (state) {
    case "in-progress":
      if (outcome === "superseded") return becomes("superseded");
      if (outcome === "failed" || outcome === "refused") return failed(outcome, message);
      if (hasShown(outcome, confirm)) return becomes("confirmed");
      return isLate
        ? failed("timed-out", lateWords(outcome, confirm) + (message === "" ? "" : `: ${message}`))
        : device;
    case "timed-out":
      // It was slower than it should have been, and is good all the same.
      return hasShown(outcome, confirm) ? becomes("confirmed", "later than it should have been") : device;
    case "rolling-back":
      if (outcome === "superseded") return becomes("superseded");
      if (outcome === "failed" || outcome === "refused") return becomes(outcome, STUCK + message);
      // Why it had failed, if it had, is what a person still wants to know.
      return hasShown(outcome, "applied") ? becomes("rolled-back", device.message) : device;
    case "pending":
    case "offline":
    case "confirmed":
    case "failed":
    case "refused":
    case "rolled-back":
    case "superseded":
      return device;
  }
}

function lateWords(outcome: Outcome | undefined, confirm: RolloutSpec["confirm"]): string {
  if (outcome === undefined) return "it has not taken its change in time";
  return confirm === "window"
    ? "no window has confirmed its change in time"
    : "no check has confirmed its change in time";
}
