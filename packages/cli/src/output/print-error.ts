import { MpoError } from "@mpo/core";
import { type ExitCode, exitCodeOf } from "@mpo/runtime";
import type { Terminal } from "./terminal.ts";

/** Says what went wrong and what to do, on standard error; the result is the exit code. `--verbose` adds the stack. */
export function printError(terminal: Terminal, thrown: unknown): ExitCode {
  const error = MpoError.from(thrown);
  terminal.complain(`error (${error.code}): ${error.message}`);
  if (error.hint !== undefined) terminal.complain(`hint: ${error.hint}`);
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) terminal.detail(cause.stack ?? "");
  return exitCodeOf(error);
}
