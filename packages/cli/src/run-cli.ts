import { MpoError } from "@mpo/core";
import { EXIT_CODES, type ExitCode } from "@mpo/runtime";
import { CommanderError } from "commander";
import type { CommandContext } from "./command-context.ts";
import { interruptible, type SignalSource } from "./interrupt.ts";
import { printError } from "./output/print-error.ts";
import { createTerminal, type OutputStream } from "./output/terminal.ts";
import { buildProgram } from "./program.ts";

/** What the command needs of the process that it runs in. */
export interface RunCliOptions {
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Relative paths start here. */
  readonly workingFolder: string;
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  readonly process: SignalSource;
}

/** Runs `mpo` with the given arguments; the result is the exit code. Never throws. */
export async function runCli(args: readonly string[], options: RunCliOptions): Promise<ExitCode> {
  const terminal = createTerminal(options.stdout, options.stderr, args);
  return await interruptible(options.process, terminal, async (signal) => {
    let exitCode: ExitCode | undefined;
    try {
      const context: CommandContext = {
        environment: options.environment,
        workingFolder: options.workingFolder,
        commandLine: ["mpo", ...args.map(quoted)].join(" "),
        terminal,
        stdout: options.stdout,
        signal,
        process: options.process,
        exitWith: (code) => {
          exitCode = code;
        },
      };
      const program = await buildProgram(context, args);
      await program.parseAsync(args, { from: "user" });
      return exitCode ?? (signal.aborted ? EXIT_CODES.cancelled : EXIT_CODES.ok);
    } catch (thrown) {
      // Commander has printed its own message, or the help that was asked for.
      if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? EXIT_CODES.ok : EXIT_CODES.usage;
      return printError(
        terminal,
        signal.aborted ? new MpoError("cancelled", "interrupted", { cause: thrown }) : thrown,
      );
    }
  });
}

function quoted(argument: string): string {
  return /^[\w@%+=:,./-]+$/u.test(argument) ? argument : `'${argument.replaceAll("'", "'\\''")}'`;
}
