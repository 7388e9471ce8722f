export { EXIT_CODES, type ExitCode, exitCodeOf } from "./exit-codes.ts";
export { claimFolder } from "./folder-claim.ts";
export { Journal } from "./journal.ts";
export { type ProcessPort, runServices, type Service } from "./lifecycle.ts";
export { createLogger, LOG_LEVELS, type LogFields, type Logger, type LogLevel, silentLogger } from "./logger.ts";
export { backOffSchedule, isTransient, retry } from "./retry.ts";
