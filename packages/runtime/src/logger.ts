import { destination, type Logger as PinoLogger, pino } from "pino";
import { redact, redactText } from "./redact.ts";
import { textLine } from "./text-line.ts";

/** Levels from chatty to silent. */
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
  /** A logger whose lines carry these fields besides, such as `deviceId` and `requestId`. */
  child(fields: LogFields): Logger;
}

/** Options of `createLogger`. */
export interface LoggerOptions {
  /** Default `info`. */
  readonly level?: LogLevel;
  /** `json`: one object a line, for collectors. `text`: for people. Default `json`. */
  readonly format?: "json" | "text";
  /** Takes whole lines. Default: standard error, so that standard output stays for results. */
  readonly write?: (line: string) => void;
}

/** A logger that hides secrets (see `redact`) and writes each line at once. */
export function createLogger(options: LoggerOptions = {}): Logger {
  const { level = "info", format = "json" } = options;
  const stderr = options.write === undefined ? destination({ fd: 2, sync: true }) : undefined;
  const write = options.write ?? ((line: string): void => void stderr?.write(line));
  const stream = { write: format === "text" ? (line: string) => write(textLine(line)) : write };
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
  return wrap(base);
}

/** A logger that says nothing. */
export const silentLogger: Logger = createLogger({ level: "silent", write: () => undefined });

function wrap(target: PinoLogger): Logger {
  const at =
    (level: Exclude<LogLevel, "silent">) =>
    (message: string, fields: LogFields = {}): void => {
      if (target.isLevelEnabled(level)) target[level](redact(fields) as object, redactText(message));
    };
  return {
    trace: at("trace"),
    debug: at("debug"),
    info: at("info"),
    warn: at("warn"),
    error: at("error"),
    fatal: at("fatal"),
    child: (fields) => wrap(target.child(redact(fields) as Record<string, unknown>)),
  };
}
