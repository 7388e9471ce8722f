/** What the set-up prints: lines of work, progress, and one failure message with its fix. */

/** A reason why the set-up cannot continue, with what to do about it. */
export class SetupFailure extends Error {
  /**
   * @param {string} what what is wrong and where
   * @param {string} fix what to do
   * @param {{ cause?: unknown }} [options]
   */
  constructor(what, fix, options) {
    super(what, options);
    this.name = "SetupFailure";
    this.fix = fix;
  }
}

/**
 * @typedef {object} Say
 * @property {(text: string) => void} work says that work is done now (shown with `--quiet` too)
 * @property {(text: string) => void} calm says that nothing was to be done (hidden by `--quiet`)
 * @property {(text: string) => void} progress shows how far the work is: one line rewritten on a terminal, else a line
 *   now and then
 */

const PROGRESS_EVERY_MS = 10_000;

/**
 * @param {object} options
 * @param {boolean} options.quiet print only when work is done
 * @param {{ isTTY?: boolean, write: (text: string) => unknown }} options.stream where the lines go
 * @param {() => number} [options.nowMs] the clock, milliseconds
 * @param {string} [options.name] what its lines begin with
 * @returns {Say}
 */
export function createSay({ quiet, stream, nowMs = Date.now, name = "set-up" }) {
  let progressShown = false;
  let lastProgressMs = nowMs();
  const line = (/** @type {string} */ text) => {
    stream.write(`${progressShown ? "\r\u001b[K" : ""}${name}: ${text}\n`);
    progressShown = false;
    lastProgressMs = nowMs();
  };
  return {
    work: line,
    calm: (text) => {
      if (!quiet) line(text);
    },
    progress: (text) => {
      if (stream.isTTY) {
        stream.write(`\r\u001b[K${name}:   ${text}`);
        progressShown = true;
      } else if (nowMs() - lastProgressMs >= PROGRESS_EVERY_MS) {
        line(`  ${text}`);
      }
    },
  };
}

/**
 * The one message of a failed set-up.
 * @param {unknown} error
 * @param {string} cacheRoot the cache folder, named where the failure has to do with it
 * @param {string} [name] what failed
 * @returns {string}
 */
export function failureMessage(error, cacheRoot, name = "set-up") {
  const failure = error instanceof SetupFailure ? error : fromSystemError(error, cacheRoot);
  return `mpoptimizer ${name}: ${failure.message}\n  Fix: ${failure.fix}`;
}

/**
 * @param {unknown} error
 * @param {string} cacheRoot
 * @returns {SetupFailure}
 */
function fromSystemError(error, cacheRoot) {
  const { code, path } = /** @type {NodeJS.ErrnoException} */ (error ?? {});
  if (code === "ENOSPC" || code === "EDQUOT") return diskFull(path ?? cacheRoot);
  if (code === "ENOTDIR") {
    return new SetupFailure(
      `${path ?? cacheRoot} cannot be created: part of the path is a file, not a folder.`,
      `remove that file, or point MPO_CACHE at another folder (now: ${cacheRoot}).`,
    );
  }
  if (code === "EACCES" || code === "EPERM" || code === "EROFS") {
    return new SetupFailure(
      `cannot write ${path ?? cacheRoot} (${code}).`,
      `give this user the right to write there, or point MPO_CACHE at a folder that is writable (now: ${cacheRoot}).`,
    );
  }
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return new SetupFailure(
    `unexpected error: ${text}`,
    `run the command again; if this persists, delete ${cacheRoot} and try once more, then report it with this text.`,
  );
}

/**
 * @param {string} folder where the room is missing
 * @param {string} [detail] how much is there and how much is needed
 * @returns {SetupFailure}
 */
export function diskFull(folder, detail = "") {
  return new SetupFailure(
    `the disk is full at ${folder}${detail === "" ? "" : ` (${detail})`}.`,
    "free some space there, or point MPO_CACHE at a folder on a larger disk, then run the command again.",
  );
}

/**
 * @param {number} bytes
 * @returns {string} such as `207 MB`
 */
export function megabytes(bytes) {
  return `${Math.round(bytes / 1e6)} MB`;
}
