import { createLogger, type LogLevel, type RootLogger } from "@mpo/runtime";
import type { Terminal } from "../output/terminal.ts";

/** What may wait for a reader of the log that is stuck: lines beyond it are lost, not kept in memory. */
const MAX_WAITING_BYTES = 2 ** 20;

/** The log of a command that runs on: standard error, one JSON object a line with `--json`, else lines for people. */
export function commandLogger(terminal: Terminal, level: LogLevel | undefined): RootLogger {
  return createLogger({
    level: level ?? usualLevel(terminal),
    format: terminal.json ? "json" : "text",
    isForJournal: terminal.isForJournal,
    write: (line, done) => {
      const isStuck = (terminal.stderr.writableLength ?? 0) > MAX_WAITING_BYTES;
      return isStuck ? done(new Error("nothing reads the log")) : terminal.stderr.write(line, done);
    },
  });
}

/** What is logged when nothing says it. */
export function usualLevel({ verbose, quiet }: Pick<Terminal, "verbose" | "quiet">): LogLevel {
  return verbose ? "debug" : quiet ? "warn" : "info";
}
