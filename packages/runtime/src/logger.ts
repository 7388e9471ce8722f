import { writeSync } from "node:fs";
import { type Logger as PinoLogger, pino } from "pino";
import { withPriority } from "./journald.ts";
import { LOG_LEVELS, type LogLevel } from "./log-level.ts";
import { redact, redactText } from "./redact.ts";
import { textLine } from "./text-line.ts";
import { type LineWriter, type TolerantWriter, tolerantWriter } from "./tolerant-writer.ts";

/** Facts of a log line, by name; an error goes under `err`. */
export type LogFields = Readonly<Record<string, unknown>>;

/** Where the program says what it does. The message is a fixed text; what varies goes into fields. */
export interface Logger {
  trace(message: string, fields?: LogFields): void;
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  fatal(message: string, fields?: LogFields): void;
  /** Whether its last line could not be written: its reader has gone away, or the disk is full. */
  readonly isFailing: boolean;
  /** A logger whose lines also carry these fields, such as `deviceId` and `requestId`. */
  child(fields: LogFields): Logger;
}

/** One that was made, not a child of another. */
export interface RootLogger extends Logger {
  /** Changes what is logged, by its children too. */
  setLevel(level: LogLevel): void;
}

export interface LoggerOptions {
  /** Default `info`. */
  readonly level?: LogLevel;
  /** `json`: one object a line, for collectors. `text`: for people. Default `json`. */
  readonly format?: "json" | "text";
  /** The lines go to systemd's journal, which then knows how grave each is, and has its own times. Default false. */
  readonly isForJournal?: boolean;
  /**
   * Takes whole lines. It may fail: such lines are dropped, and counted in a line that says so later. Default: standard
   * error, so that standard output stays for results.
   */
  readonly write?: LineWriter;
}

const standardError: LineWriter = (line, done) => {
  writeSync(2, line);
  done();
};

/** A logger that hides secrets (see `redact`) and writes each line at once. Stacks are in it at level `debug` only. */
export function createLogger(options: LoggerOptions = {}): RootLogger {
  const { format = "json", isForJournal = false } = options;
  const state: LogState = { level: options.level ?? "info" };
  const writer = tolerantWriter(options.write ?? standardError, (lostLines) =>
    logger.warn("the log could not be written for a time: lines were lost", { lostLines }),
  );
  const formatted = (line: string): string => (format === "text" ? textLine(line, { hasTime: !isForJournal }) : line);
  const write = (line: string): void => {
    writer.write(isForJournal ? withPriority(formatted(line), levelOf(line)) : formatted(line));
  };
  const base = pino(
    {
      // Children of pino's keep the level of their birth; ours follow the root's.
      level: "trace",
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      // `redact` has made plain objects of errors; pino would take them for errors again.
      serializers: { err: (value: unknown) => value },
    },
    { write },
  );
  const logger: RootLogger = Object.assign(wrap(base, writer, state), {
    setLevel: (level: LogLevel) => {
      state.level = level;
    },
  });
  return logger;
}

/** Its level may change while it is in use. */
interface LogState {
  level: LogLevel;
}

function levelOf(jsonLine: string): LogLevel {
  return (JSON.parse(jsonLine) as { readonly level: LogLevel }).level;
}

/** A logger that says nothing. */
export const silentLogger: Logger = createLogger({ level: "silent" });

function wrap(target: PinoLogger, writer: TolerantWriter, state: LogState): Logger {
  const isEnabled = (level: LogLevel): boolean => LOG_LEVELS.indexOf(level) >= LOG_LEVELS.indexOf(state.level);
  // Where a thing was thrown is for who looks for a bug; others want to read on.
  const hidden = (fields: LogFields): object => redact(fields, { hasStacks: isEnabled("debug") }) as object;
  const at =
    (level: Exclude<LogLevel, "silent">) =>
    (message: string, fields: LogFields = {}): void => {
      if (isEnabled(level)) target[level](hidden(fields), redactText(message));
    };
  return {
    trace: at("trace"),
    debug: at("debug"),
    info: at("info"),
    warn: at("warn"),
    error: at("error"),
    fatal: at("fatal"),
    get isFailing() {
      return writer.isFailing;
    },
    child: (fields) => wrap(target.child(hidden(fields) as Record<string, unknown>), writer, state),
  };
}
