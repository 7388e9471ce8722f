import type { RolloutPhase } from "@mpo/core";
import type { RolloutView } from "@mpo/protocol";
import { EXIT_CODES, type ExitCode } from "@mpo/runtime";

/** Phases in which nobody who waits for a rollout waits any longer, and the exit code that says so. */
const ENDS: Readonly<Partial<Record<RolloutPhase, ExitCode>>> = {
  // All waves have passed; who was away gets its turn when it is back, in days maybe.
  finishing: EXIT_CODES.ok,
  completed: EXIT_CODES.ok,
  halted: EXIT_CODES.halted,
  "rolled-back": EXIT_CODES.rolledBack,
  stopped: EXIT_CODES.state,
  conflicted: EXIT_CODES.state,
};

/** The exit code for what became of a rollout; undefined: it is under way. */
export function rolloutExitCode({ phase }: Pick<RolloutView, "phase">): ExitCode | undefined {
  return ENDS[phase];
}
