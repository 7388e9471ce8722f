export { type DeadlineOptions, type LinkedSignal, linkSignals, withDeadline } from "./abort.ts";
export { type Abortable, abortError, isAbortError, throwIfAborted } from "./abort-error.ts";
export {
  type ReadJsonOptions,
  readJsonFile,
  removeLeftTemporaries,
  syncFolder,
  type WriteOptions,
  writeFileAtomic,
  writeJsonFile,
} from "./atomic-file.ts";
export { type Clock, systemClock } from "./clock.ts";
export { fileError, systemErrorCode } from "./file-error.ts";
export { makeFolder } from "./make-folder.ts";
