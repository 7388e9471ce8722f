import { MpoError } from "@mpo/core";
import { abortError, isAbortError, linkSignals, throwIfAborted } from "@mpo/io";
import { EXIT_CODES, type ExitCode, type ProcessPort, STOP_SIGNALS, type StopSignal } from "@mpo/runtime";
import { CommanderError } from "commander";
import type { Files } from "./command-context.ts";
import { printError } from "./output/print-error.ts";
import type { OutputWatch } from "./output/standard-output.ts";
import { createTerminal, type OutputStream } from "./output/terminal.ts";
import { buildProgram } from "./program.ts";

/** What the command needs of the process that it runs in. */
export interface RunCliOptions extends Files {
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  readonly process: ProcessPort;
  /** Absent: standard output never fails. */
  readonly output?: OutputWatch;
  /** Whether standard error goes to systemd's journal. */
  readonly isForJournal?: boolean;
}

/**
 * Runs `mpo` with the given arguments; the result is the exit code. Never throws. The first Ctrl-C (or SIGTERM, or the end
 * of the terminal) aborts the command, so that it ends its children and keeps what it has; a second one ends the process at
 * once, but for SIGHUP, which may come beside another.
 */
export async function runCli(
  args: readonly string[],
  { stdout, stderr, process, output, isForJournal = false, ...files }: RunCliOptions,
): Promise<ExitCode> {
  const terminal = createTerminal(stdout, stderr, args, files.environment, isForJournal);
  const interrupted = new AbortController();
  using linked = linkSignals(interrupted.signal, output?.lost);
  const { signal } = linked;
  let isHangUpIgnored = (): boolean => false;
  const onSignal = (name: StopSignal): void => {
    if (name === "SIGHUP" && isHangUpIgnored()) return;
    if (!interrupted.signal.aborted) terminal.note("stopping ... (press Ctrl-C again to stop at once)");
    else if (name !== "SIGHUP") process.exit(EXIT_CODES.cancelled);
    interrupted.abort();
  };
  const listeners = STOP_SIGNALS.map((name) => [name, () => onSignal(name)] as const);
  for (const [name, listener] of listeners) process.on(name, listener);
  let exitCode: ExitCode | undefined;
  try {
    const commandLine = ["mpo", ...args.map(quoted)].join(" ");
    const exitWith = (code: ExitCode): void => {
      exitCode = code;
    };
    const ignoreHangUp = (isIgnored: () => boolean): void => {
      isHangUpIgnored = isIgnored;
    };
    const context = { ...files, commandLine, terminal, signal, process, ignoreHangUp, exitWith };
    const program = await buildProgram(context, args);
    await program.parseAsync(args, { from: "user" }).catch(unlessHelp);
    // What runs on until it is stopped does not run for its output.
    if (exitCode !== undefined) return exitCode;
    await output?.settled();
    throwIfAborted(output?.lost);
    return interrupted.signal.aborted ? EXIT_CODES.cancelled : EXIT_CODES.ok;
  } catch (thrown) {
    // Commander has printed its own message.
    if (thrown instanceof CommanderError) return EXIT_CODES.usage;
    if (interrupted.signal.aborted) {
      return printError(terminal, new MpoError("cancelled", "interrupted", { cause: thrown }));
    }
    if (output === undefined || !output.lost.aborted || !isEndedBy(output.lost, thrown)) {
      return printError(terminal, thrown);
    }
    const lost = abortError(output.lost);
    return lost.code === "cancelled" ? EXIT_CODES.ok : printError(terminal, lost);
  } finally {
    for (const [name, listener] of listeners) process.off(name, listener);
  }
}

/** The help that was asked for has been printed. */
function unlessHelp(thrown: unknown): void {
  if (!(thrown instanceof CommanderError) || thrown.exitCode !== 0) throw thrown;
}

function isEndedBy(signal: AbortSignal, thrown: unknown): boolean {
  return thrown === signal.reason || isAbortError(thrown);
}

function quoted(argument: string): string {
  return /^[\w@%+=:,./-]+$/u.test(argument) ? argument : `'${argument.replaceAll("'", "'\\''")}'`;
}
