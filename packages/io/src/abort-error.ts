import { MpoError } from "@mpo/core";

/** What every work takes that can be given up. */
export interface Abortable {
  readonly signal?: AbortSignal | undefined;
}

/** The reason of an aborted signal as an `MpoError`: as given if it is one, else `timed-out` or `cancelled`. */
export function abortError(signal: AbortSignal): MpoError {
  const reason: unknown = signal.reason;
  if (reason instanceof MpoError) return reason;
  if (reason instanceof Error && reason.name === "TimeoutError") {
    return new MpoError("timed-out", reason.message, { cause: reason });
  }
  return new MpoError("cancelled", "the work was cancelled", { cause: reason });
}

/** Throws `abortError(signal)` if the signal is aborted: for the steps of a long piece of work. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw abortError(signal);
}

/** Whether an error is the sign of an abort, and not a failure of the work itself. */
export function isAbortError(thrown: unknown): boolean {
  if (thrown instanceof MpoError) return thrown.code === "cancelled";
  return thrown instanceof Error && (thrown.name === "AbortError" || thrown.name === "TimeoutError");
}
