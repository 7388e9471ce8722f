export { EXIT_CODES, type ExitCode, exitCodeOf } from "./exit-codes.ts";
export { claimFolder, type FolderClaimOptions } from "./folder-claim.ts";
export { Journal, type JournalOpening, type JournalOptions } from "./journal.ts";
export { type LifecycleOptions, type ProcessPort, runServices, type Service } from "./lifecycle.ts";
export {
  createLogger,
  LOG_LEVELS,
  type LogFields,
  type Logger,
  type LoggerOptions,
  type LogLevel,
  silentLogger,
} from "./logger.ts";
export { redact, redactText } from "./redact.ts";
export { type BackOff, backOffSchedule, isTransient, type RetryOptions, retry } from "./retry.ts";
