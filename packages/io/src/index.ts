export { type DeadlineOptions, type LinkedSignal, linkSignals, onAbort, untilAborted, withDeadline } from "./abort.ts";
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
export type { CallTypes } from "./process/call-messages.ts";
export { CalledProcess, type CallOptions } from "./process/called-process.ts";
export { ChildHost, type ChildOptions, entryBeside, type ProcessEnd } from "./process/child-host.ts";
export { killGroup } from "./process/process-group.ts";
export { type CallContext, serveCalls } from "./process/serve-calls.ts";
