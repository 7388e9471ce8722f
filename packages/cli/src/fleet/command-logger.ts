import { createLogger, type Logger, type LogLevel } from "@mpo/runtime";
import type { Terminal } from "../output/terminal.ts";

/** The log of a command that runs on: standard error, one JSON object a line with `--json`, else lines for people. */
export function commandLogger(terminal: Terminal, level: LogLevel | undefined): Logger {
  const usual = terminal.verbose ? "debug" : terminal.quiet ? "warn" : "info";
  return createLogger({
    level: level ?? usual,
    format: terminal.json ? "json" : "text",
    write: (line) => void terminal.stderr.write(line),
  });
}
