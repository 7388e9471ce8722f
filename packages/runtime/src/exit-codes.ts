import { MpoError, type MpoErrorCode } from "@mpo/core";

/**
 * Exit codes of the `mpo` command. They are part of its interface: scripts and service managers branch on them.
 * - `ok`: done.
 * - `internal`: a bug, or a worker that crashed; retrying as is will not help.
 * - `usage`: an argument or a setting is wrong, or asks for something that is not supported.
 * - `data`: a file or a message does not hold what it should.
 * - `state`: the thing is not there, is there already, or has changed meanwhile.
 * - `budget`: it does not fit into the memory or time that was given.
 * - `unavailable`: the other side does not answer (in time), or the disk is full; retrying later may help.
 * - `unauthenticated`: one side does not accept who the other is.
 * - `denied`: the other side knows who we are, and does not allow it.
 * - `halted`: what was waited for has halted, and waits for a person.
 * - `rolledBack`: what was waited for was bad, and has been taken back.
 * - `cancelled`: interrupted by the user (128 + SIGINT, as a shell reports it).
 */
export const EXIT_CODES = {
  ok: 0,
  internal: 1,
  usage: 2,
  data: 3,
  state: 4,
  budget: 5,
  unavailable: 6,
  unauthenticated: 7,
  denied: 8,
  halted: 9,
  rolledBack: 10,
  cancelled: 130,
} as const;

export type ExitCode = (typeof EXIT_CODES)[keyof typeof EXIT_CODES];

const EXIT_CODE_OF: Readonly<Record<MpoErrorCode, ExitCode>> = {
  "invalid-argument": EXIT_CODES.usage,
  unsupported: EXIT_CODES.usage,
  "invalid-data": EXIT_CODES.data,
  "not-found": EXIT_CODES.state,
  "already-exists": EXIT_CODES.state,
  "precondition-failed": EXIT_CODES.state,
  conflict: EXIT_CODES.state,
  "over-budget": EXIT_CODES.budget,
  "over-memory-cap": EXIT_CODES.budget,
  unavailable: EXIT_CODES.unavailable,
  "timed-out": EXIT_CODES.unavailable,
  unauthenticated: EXIT_CODES.unauthenticated,
  "permission-denied": EXIT_CODES.denied,
  cancelled: EXIT_CODES.cancelled,
  "worker-crashed": EXIT_CODES.internal,
  "worker-killed": EXIT_CODES.budget,
  internal: EXIT_CODES.internal,
};

/** The exit code for anything thrown. Anything but an `MpoError` is a bug, so `internal`; an abort is `cancelled`. */
export function exitCodeOf(thrown: unknown): ExitCode {
  return EXIT_CODE_OF[MpoError.from(thrown).code];
}
