import { type LogLevel, withPriority } from "@mpo/runtime";
import { createColors } from "picocolors";
import { type AsTyped, asTypedIn } from "./as-typed.ts";

/** The part of a stream that is written to. */
export interface OutputStream {
  write(text: string, done?: (error?: Error | null) => void): unknown;
  readonly isTTY?: boolean;
  /** Of a screen. */
  readonly columns?: number;
  /** Bytes that wait for a reader. */
  readonly writableLength?: number;
}

/** Where a command says things: results on standard output, everything else on standard error. */
export interface Terminal {
  /** Results go out as one JSON object a line. */
  readonly json: boolean;
  readonly quiet: boolean;
  readonly verbose: boolean;
  /** Standard error is a screen: lines there may be drawn again. */
  readonly interactive: boolean;
  /** Characters that stand side by side where results are read. */
  readonly columns: number;
  readonly colors: ReturnType<typeof createColors>;
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  /** Standard error goes to systemd's journal. */
  readonly isForJournal: boolean;
  /** A text with its commands as they have to be typed here. */
  readonly asTyped: AsTyped;
  /** One line of a result for people; nothing with `--json`. */
  line(text: string): void;
  /** Results for programs; nothing without `--json`. */
  record(...values: readonly object[]): void;
  /** How the work goes; nothing with `--quiet`. */
  note(text: string): void;
  /** More about how it goes; only with `--verbose`. */
  detail(text: string): void;
  /** Something went wrong; always. */
  complain(text: string): void;
}

const USUAL_COLUMNS = 80;

/**
 * The global options are looked up in the whole command line before it is parsed, so that errors of parsing obey them
 * too.
 */
export function createTerminal(
  stdout: OutputStream,
  stderr: OutputStream,
  args: readonly string[],
  environment: Readonly<Record<string, string | undefined>> = {},
  isForJournal = false,
): Terminal {
  // https://no-color.org: whatever it is set to.
  const { NO_COLOR = "", TERM } = environment;
  const end = args.indexOf("--");
  const options = end < 0 ? args : args.slice(0, end);
  const json = options.includes("--json");
  const quiet = options.includes("--quiet");
  const verbose = options.includes("--verbose");
  const asTyped = asTypedIn(environment);
  const withSteps = (text: string): string => text.replaceAll(/^\s*(?:hint|next): .*$/gmu, asTyped);
  const toError = (text: string, level: LogLevel): void => {
    stderr.write(isForJournal ? withPriority(`${text}\n`, level) : `${text}\n`);
  };
  return {
    asTyped,
    isForJournal,
    json,
    quiet,
    verbose,
    interactive: stderr.isTTY === true && TERM !== "dumb" && !quiet,
    columns: (stdout.isTTY === true && stdout.columns) || USUAL_COLUMNS,
    colors: createColors(stdout.isTTY === true && !json && NO_COLOR === ""),
    stdout,
    stderr,
    line: (text) => void (json || stdout.write(`${withSteps(text)}\n`)),
    record: (...values) => {
      if (json && values.length > 0) stdout.write(values.map((value) => `${JSON.stringify(value)}\n`).join(""));
    },
    note: (text) => quiet || toError(withSteps(text), "info"),
    detail: (text) => verbose && toError(text, "debug"),
    complain: (text) => toError(withSteps(text), "error"),
  };
}
