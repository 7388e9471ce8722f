/** Runs other programs and keeps what they print, so that a failure can be reported in one message. */
import { spawn } from "node:child_process";
import { access, constants } from "node:fs/promises";
import { delimiter, isAbsolute, join } from "node:path";

const KEPT_CHARACTERS = 64_000;

/**
 * @typedef {object} ChildResult
 * @property {number} code exit code; 128 when a signal ended it
 * @property {string | undefined} signalName the signal that ended it
 * @property {string} stdout the last 64,000 characters
 * @property {string} stderr the last 64,000 characters
 */

/**
 * Runs a program to its end. Never throws for a failing exit code.
 * @param {string} command
 * @param {readonly string[]} args
 * @param {object} options
 * @param {NodeJS.ProcessEnv} options.env
 * @param {string} [options.cwd]
 * @param {AbortSignal} [options.signal] ends the program (SIGTERM)
 * @param {(line: string) => void} [options.onLine] called with each line of stdout
 * @returns {Promise<ChildResult>}
 * @throws {NodeJS.ErrnoException} when the program cannot be started, or the signal fired
 */
export function runChild(command, args, { env, cwd, signal, onLine }) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { env, cwd, signal, stdio: ["ignore", "pipe", "pipe"] });
    let stdout = "";
    let stderr = "";
    let rest = "";
    child.stdout.setEncoding("utf8").on("data", (/** @type {string} */ text) => {
      stdout = (stdout + text).slice(-KEPT_CHARACTERS);
      const lines = (rest + text).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) onLine?.(line);
    });
    child.stderr.setEncoding("utf8").on("data", (/** @type {string} */ text) => {
      stderr = (stderr + text).slice(-KEPT_CHARACTERS);
    });
    /** @type {Error | undefined} */
    let aborted;
    child.once("error", (error) => {
      // An aborted program is still there for a moment: its files are not ours before it has ended.
      if (error.name === "AbortError") aborted = error;
      else reject(error);
    });
    child.once("close", (code, signalName) => {
      if (aborted !== undefined) reject(aborted);
      resolve({ code: code ?? 128, signalName: signalName ?? undefined, stdout, stderr });
    });
  });
}

/**
 * Finds a program as the shell would.
 * @param {string} name a bare name, or a path
 * @param {NodeJS.ProcessEnv} env its PATH is searched
 * @returns {Promise<string | undefined>} the path, undefined when none is executable
 */
export async function findProgram(name, env) {
  const candidates =
    isAbsolute(name) || name.includes("/")
      ? [name]
      : (env.PATH ?? "")
          .split(delimiter)
          .filter((folder) => folder !== "")
          .map((folder) => join(folder, name));
  for (const candidate of candidates) {
    if (await isExecutable(candidate)) return candidate;
  }
  return undefined;
}

/**
 * @param {string} path
 * @returns {Promise<boolean>}
 */
async function isExecutable(path) {
  try {
    await access(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

const NO_NETWORK =
  /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH|network is unreachable|name or service not known|temporary failure in name resolution|temporary failure resolving|could not resolve|could not connect|unable to connect|connection (refused|timed out|failed|broken|reset)|NewConnectionError|ReadTimeoutError|ConnectTimeoutError|ProxyError|no route to host/iu;
const DISK_FULL = /ENOSPC|no space left on device|disk quota exceeded|EDQUOT|enough free space/iu;

/**
 * Sorts what a failed program printed into the failures that have a message of their own.
 * @param {string} output
 * @returns {"disk-full" | "no-network" | "other"}
 */
export function failureKind(output) {
  if (DISK_FULL.test(output)) return "disk-full";
  return NO_NETWORK.test(output) ? "no-network" : "other";
}

/**
 * @param {string} output what a program printed
 * @param {number} [lines] how many of its last lines to keep
 * @returns {string} indented, ready to stand below a message
 */
export function lastLines(output, lines = 12) {
  return output
    .trim()
    .split("\n")
    .slice(-lines)
    .map((line) => `    | ${line}`)
    .join("\n");
}
