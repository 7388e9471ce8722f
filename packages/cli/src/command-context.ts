import type { ExitCode } from "@mpo/runtime";
import type { SignalSource } from "./interrupt.ts";
import type { OutputStream, Terminal } from "./output/terminal.ts";

/** What every command gets. */
export interface CommandContext {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly workingFolder: string;
  /** The command line as it was given, for cards and notes. */
  readonly commandLine: string;
  readonly terminal: Terminal;
  readonly stdout: OutputStream;
  /** Aborts at the first Ctrl-C. */
  readonly signal: AbortSignal;
  /** For commands that run until they are stopped, and say themselves how they ended. */
  readonly process: SignalSource;
  /** Sets the exit code of a command that ends without an error. */
  exitWith(code: ExitCode): void;
}
