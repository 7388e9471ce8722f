import { writeSync } from "node:fs";
import { type Logger as PinoLogger, pino } from "pino";
import { redact, redactText } from "./redact.ts";
import { textLine } from "./text-line.ts";
import { type LineWriter, type TolerantWriter, tolerantWriter } from "./tolerant-writer.ts";

/** Levels from verbose to silent. */
export const LOG_LEVELS = ["trace", "debug", "info", "warn", "error", "fatal", "silent"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

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

export interface LoggerOptions {
  /** Default `info`. */
  readonly level?: LogLevel;
  /** `json`: one object a line, for collectors. `text`: for people. Default `json`. */
  readonly format?: "json" | "text";
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
export function createLogger(options: LoggerOptions = {}): Logger {
  const { level = "info", format = "json" } = options;
  const writer = tolerantWriter(options.write ?? standardError, (lostLines) =>
    logger.warn("the log could not be written for a time: lines were lost", { lostLines }),
  );
  const stream = { write: format === "text" ? (line: string) => writer.write(textLine(line)) : writer.write };
  const base = pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      // `redact` has made plain objects of errors; pino would take them for errors again.
      serializers: { err: (value: unknown) => value },
    },
    stream,
  );
  const logger = wrap(base, writer);
  return logger;
}

/** A logger that says nothing. */
export const silentLogger: Logger = createLogger({ level: "silent" });

function wrap(target: PinoLogger, writer: TolerantWriter): Logger {
  // Where a thing was thrown is for who looks for a bug; others want to read on.
  const hidden = (fields: LogFields): object => redact(fields, { hasStacks: target.isLevelEnabled("debug") }) as object;
  const at =
    (level: Exclude<LogLevel, "silent">) =>
    (message: string, fields: LogFields = {}): void => {
      if (target.isLevelEnabled(level)) target[level](hidden(fields), redactText(message));
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
    child: (fields) => wrap(target.child(hidden(fields) as Record<string, unknown>), writer),
  };
}
