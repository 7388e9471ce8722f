import type { Writable } from "node:stream";
import { MpoError } from "@mpo/core";
import { systemErrorCode } from "@mpo/io";

/** Whether results still have a reader. */
export interface OutputWatch {
  /** Aborts when nothing can be written any more; its reason is an `MpoError`, `cancelled` when the reader has gone. */
  readonly lost: AbortSignal;
  /** Resolves when all that was written has gone out, or was lost. */
  settled(): Promise<void>;
}

/** Watches standard output: its errors come as events, at any time, and would end the process. */
export function watchOutput(stdout: Writable): OutputWatch {
  const lost = new AbortController();
  stdout.on("error", (cause) => {
    if (lost.signal.aborted) return;
    // The reader of a pipe may have seen enough (`mpo models | head -1`): that is no error.
    const hasReaderGone = systemErrorCode(cause) === "EPIPE";
    lost.abort(
      hasReaderGone
        ? new MpoError("cancelled", "nothing reads the results any more", { cause })
        : new MpoError("unavailable", `the results could not be written: ${cause.message}`, {
            cause,
            hint: "Free space where standard output goes to, or send it elsewhere.",
          }),
    );
  });
  return {
    lost: lost.signal,
    settled: () =>
      new Promise((resolve) => {
        // The event of an error comes after the call back.
        stdout.write("", () => setImmediate(resolve));
      }),
  };
}
