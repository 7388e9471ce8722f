import type { ExitCode, ProcessPort } from "@mpo/runtime";
import type { Terminal } from "./output/terminal.ts";

/** Where a command says things. */
export interface Output {
  readonly terminal: Terminal;
}

export interface Files {
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Relative paths start here. */
  readonly workingFolder: string;
  /** Where config files of an installed system lie. Absent: only those count that are named. */
  readonly configFolder?: string;
  /** Who runs the command. */
  readonly userName?: string;
}

export interface Stop {
  /** Aborts at the first Ctrl-C. */
  readonly signal: AbortSignal;
}

/** For commands that ask a coordinator. */
export interface Asking extends Output, Files, Stop {}

/** For commands that run until they are stopped, and say themselves how they ended. */
export interface Daemon extends Stop {
  readonly process: ProcessPort;
  /** SIGHUP no longer stops the command when this says so: it is seen to elsewhere. */
  ignoreHangUp(isIgnored: () => boolean): void;
  /** Sets the exit code of a command that ends without an error. */
  exitWith(code: ExitCode): void;
}

/** All that a command may use; each function asks for the parts that it does use. */
export interface CommandContext extends Output, Files, Daemon {
  /** The command line as it was given, for cards and notes. */
  readonly commandLine: string;
}
