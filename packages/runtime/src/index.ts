export { EXIT_CODES, type ExitCode, exitCodeOf } from "./exit-codes.ts";
export { lockFile } from "./file-lock.ts";
export { claimFolder, type FolderClaimOptions } from "./folder-claim.ts";
export { Journal, type JournalOpening, type JournalOptions } from "./journal.ts";
export {
  type LifecycleOptions,
  type ProcessPort,
  runServices,
  type Service,
  STOP_SIGNALS,
  type StopSignal,
} from "./lifecycle.ts";
export {
  createLogger,
  LOG_LEVELS,
  type LogFields,
  type Logger,
  type LoggerOptions,
  type LogLevel,
  silentLogger,
} from "./logger.ts";
export { connectionsWithin, FEW_OPEN_FILES, type OpenFiles, readOpenFiles } from "./open-files.ts";
export { redact, redactText } from "./redact.ts";
export { type BackOff, backOffSchedule, isTransient, type RetryOptions, retry, TRANSIENT_CODES } from "./retry.ts";
export {
  type Bounds,
  bytesSetting,
  choiceSetting,
  durationSetting,
  flagSetting,
  integerSetting,
  numberSetting,
  type ReadResult,
  type Setting,
  type SettingOptions,
  textSetting,
} from "./setting.ts";
export { describeSettings, type Environment, readSettings, type SettingsOf, type SettingsSpec } from "./settings.ts";
