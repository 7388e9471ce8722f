/**
 * The range of Node versions the project runs on. This file keeps to old syntax on purpose: a Node that is too old
 * must still be able to parse it and say so.
 */

/** The range as package.json's `engines.node` writes it. */
export const NODE_RANGE = ">=20.19 <23";

/**
 * Says what is wrong with a Node version, in one message with the fix.
 * @param {string} version such as `v20.19.0` (`process.version`)
 * @returns {string} the message, or an empty string when the version will do
 */
export function nodeRangeFailure(version) {
  const match = /^v?(\d+)\.(\d+)/.exec(version);
  const major = match ? Number(match[1]) : 0;
  const minor = match ? Number(match[2]) : 0;
  const tooNew = major >= 23;
  const tooOld = major < 20 || (major === 20 && minor < 19);
  if (!tooNew && !tooOld) return "";
  return (
    "mpoptimizer set-up: Node " +
    version +
    " is too " +
    (tooNew ? "new" : "old") +
    ", this project needs " +
    NODE_RANGE +
    (tooNew ? " (TensorFlow's addon is not known to work beyond it)" : "") +
    ".\n  Fix: install Node 22 or 20 (https://nodejs.org/en/download, or `nvm install 22`), then run the command again."
  );
}
