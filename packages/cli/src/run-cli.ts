import { MpoError } from "@mpo/core";
import { EXIT_CODES, type ExitCode, type ProcessPort } from "@mpo/runtime";
import { CommanderError } from "commander";
import type { Files } from "./command-context.ts";
import { printError } from "./output/print-error.ts";
import { createTerminal, type OutputStream } from "./output/terminal.ts";
import { buildProgram } from "./program.ts";

/** What the command needs of the process that it runs in. */
export interface RunCliOptions extends Files {
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  readonly process: ProcessPort;
}

/**
 * Runs `mpo` with the given arguments; the result is the exit code. Never throws. The first Ctrl-C (or SIGTERM) aborts
 * the command, so that it ends its children and keeps what it has; a second one ends the process at once.
 */
export async function runCli(
  args: readonly string[],
  { stdout, stderr, process, ...files }: RunCliOptions,
): Promise<ExitCode> {
  const terminal = createTerminal(stdout, stderr, args);
  const ends = new AbortController();
  const { signal } = ends;
  const onSignal = (): void => {
    if (signal.aborted) process.exit(EXIT_CODES.cancelled);
    else terminal.note("stopping ... (press Ctrl-C again to stop at once)");
    ends.abort();
  };
  process.on("SIGINT", onSignal);
  process.on("SIGTERM", onSignal);
  let exitCode: ExitCode | undefined;
  try {
    const commandLine = ["mpo", ...args.map(quoted)].join(" ");
    const exitWith = (code: ExitCode): void => {
      exitCode = code;
    };
    const program = await buildProgram({ ...files, commandLine, terminal, signal, process, exitWith }, args);
    await program.parseAsync(args, { from: "user" });
    return exitCode ?? (signal.aborted ? EXIT_CODES.cancelled : EXIT_CODES.ok);
  } catch (thrown) {
    // Commander has printed its own message, or the help that was asked for.
    if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? EXIT_CODES.ok : EXIT_CODES.usage;
    return printError(terminal, signal.aborted ? new MpoError("cancelled", "interrupted", { cause: thrown }) : thrown);
  } finally {
    process.off("SIGINT", onSignal);
    process.off("SIGTERM", onSignal);
  }
}

function quoted(argument: string): string {
  return /^[\w@%+=:,./-]+$/u.test(argument) ? argument : `'${argument.replaceAll("'", "'\\''")}'`;
}
