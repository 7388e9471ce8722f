export { EXIT_CODES, type ExitCode, exitCodeOf } from "./exit-codes.ts";
export { lockFile } from "./file-lock.ts";
export { claimFolder } from "./folder-claim.ts";
export { Journal } from "./journal.ts";
export { goesToJournal, withPriority } from "./journald.ts";
export {
  type ProcessPort,
  runServices,
  type Service,
  STOP_SIGNALS,
  type StopSignal,
} from "./lifecycle.ts";
export { LOG_LEVELS, type LogLevel } from "./log-level.ts";
export { createLogger, type LogFields, type Logger, type RootLogger, silentLogger } from "./logger.ts";
export { connectionsWithin, FEW_OPEN_FILES, readOpenFiles } from "./open-files.ts";
export { redactText } from "./redact.ts";
export { backOffSchedule, isTransient, retry } from "./retry.ts";
export { NOTIFY_VARIABLES, ServiceManager } from "./service-manager.ts";
export { openTracing } from "./tracing/open-tracing.ts";
export { noTracing, readTraceparent, type Tracing } from "./tracing/tracing.ts";
export { Waits } from "./waits.ts";
