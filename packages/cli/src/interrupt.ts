import { EXIT_CODES, type ExitCode } from "@mpo/runtime";
import type { Terminal } from "./output/terminal.ts";

/** The part of `process` through which a command is interrupted. */
export interface SignalSource {
  on(signal: "SIGINT" | "SIGTERM", listener: () => void): unknown;
  off(signal: "SIGINT" | "SIGTERM", listener: () => void): unknown;
  exit(code: number): unknown;
}

/**
 * Runs `work` with a signal that aborts at the first Ctrl-C (or SIGTERM), so that it ends its children and keeps what it
 * has; a second one ends the process at once.
 */
export async function interruptible(
  source: SignalSource,
  terminal: Terminal,
  work: (signal: AbortSignal) => Promise<ExitCode>,
): Promise<ExitCode> {
  const controller = new AbortController();
  const onSignal = (): void => {
    if (controller.signal.aborted) {
      source.exit(EXIT_CODES.cancelled);
      return;
    }
    terminal.note("stopping ... (press Ctrl-C again to stop at once)");
    controller.abort();
  };
  source.on("SIGINT", onSignal);
  source.on("SIGTERM", onSignal);
  try {
    return await work(controller.signal);
  } finally {
    source.off("SIGINT", onSignal);
    source.off("SIGTERM", onSignal);
  }
}
