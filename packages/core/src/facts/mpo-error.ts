/** The closed set of error codes. The command line maps each to an exit code, the wire maps each to a status. */
export const MPO_ERROR_CODES = [
  "invalid-argument",
  "invalid-data",
  "not-found",
  "already-exists",
  "precondition-failed",
  "over-budget",
  "over-memory-cap",
  "worker-crashed",
  "worker-killed",
  "timed-out",
  "cancelled",
  "unavailable",
  "unauthenticated",
  "permission-denied",
  "conflict",
  "unsupported",
  "internal",
] as const;

export type MpoErrorCode = (typeof MPO_ERROR_CODES)[number];

/** Extra facts of an error: what to do about it, and what caused it. */
export interface MpoErrorOptions {
  /** One sentence on what the user should do. */
  readonly hint?: string | undefined;
  readonly cause?: unknown;
}

/**
 * The one error class of the project. `code` says what kind of failure it is, `message` says what was wrong,
 * where, and what was expected, `hint` says what to do about it.
 */
export class MpoError extends Error {
  readonly code: MpoErrorCode;
  readonly hint: string | undefined;

  constructor(code: MpoErrorCode, message: string, options: MpoErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "MpoError";
    this.code = code;
    this.hint = options.hint;
  }

  /** The same error with other words, and itself as the cause. */
  with({ code = this.code, message = this.message, hint = this.hint }: Partial<MpoError>): MpoError {
    return new MpoError(code, message, { hint, cause: this });
  }

  /** Turns anything thrown into an `MpoError`; an `MpoError` stays what it is, an abort becomes `cancelled`. */
  static from(thrown: unknown, code: MpoErrorCode = "internal"): MpoError {
    if (thrown instanceof MpoError) return thrown;
    if (thrown instanceof Error) {
      const isAbort = thrown.name === "AbortError" || thrown.name === "TimeoutError";
      return new MpoError(isAbort ? "cancelled" : code, thrown.message, { cause: thrown });
    }
    return new MpoError(code, String(thrown));
  }
}

/** Whether an error of ours was thrown that has one of these codes. */
export function hasCode(thrown: unknown, ...codes: readonly MpoErrorCode[]): thrown is MpoError {
  return thrown instanceof MpoError && codes.includes(thrown.code);
}

/**
 * Whether a failure says that the work needs more memory than there is: it hit its cap, or its process was killed, which is
 * all that the system's memory killer leaves.
 */
export function isOutOfMemory(thrown: unknown): boolean {
  return hasCode(thrown, "over-memory-cap", "worker-killed");
}
