/** What the long scripts of the repository have in common: options, `--help`, a way to stop, one message of a failure. */
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { cacheRoot } from "./cache.mjs";
import { createSay, failureMessage, SetupFailure } from "./say.mjs";

/** @typedef {import("./cache.mjs").SetupContext} SetupContext */
/** @typedef {NonNullable<import("node:util").ParseArgsConfig["options"]>} Options */
/**
 * @template {Options} Known
 * @typedef {object} Script
 * @property {string} name what its lines begin with
 * @property {string} usage what `--help` prints; the first line is the command
 * @property {Known} options as `parseArgs` of Node takes them, without `help`
 * @property {boolean} [takesNames] whether other words may follow
 */

const ROOT = fileURLToPath(new URL("../..", import.meta.url)).replace(/\/$/u, "");

/**
 * Runs a script by the command line of this process, whose exit code it sets: 1 for a failure, 130 when it was stopped.
 * @template {Options} Known
 * @param {Script<Known>} script
 * @param {(
 *   context: SetupContext,
 *   values: ReturnType<typeof readOptions<Known>>["values"],
 *   names: string[],
 * ) => Promise<void>} work
 */
export async function runScript(script, work) {
  const { env } = process;
  const cache = cacheRoot(env);
  const abort = new AbortController();
  const stop = () => abort.abort();
  process.once("SIGINT", stop).once("SIGTERM", stop);
  try {
    const { values, positionals, help } = readOptions(script, process.argv.slice(2));
    if (help) {
      process.stdout.write(`${script.usage}\n`);
      return;
    }
    const say = createSay({ quiet: false, stream: process.stdout, name: script.name });
    await work({ root: ROOT, cache, env, verify: false, say, signal: abort.signal }, values, positionals);
  } catch (error) {
    process.exitCode = abort.signal.aborted ? 130 : 1;
    const message = abort.signal.aborted ? `${script.name}: stopped` : failureMessage(error, cache, script.name);
    process.stderr.write(`${message}\n`);
  } finally {
    process.off("SIGINT", stop).off("SIGTERM", stop);
  }
}

/**
 * @template {Options} Known
 * @param {Script<Known>} script
 * @param {readonly string[]} args
 */
export function readOptions({ usage, options, takesNames = false }, args) {
  const read = () => parseArgs({ args: [...args], options, allowPositionals: takesNames });
  if (args.includes("--help")) return { values: parseArgs({ args: [], options }).values, positionals: [], help: true };
  try {
    return { ...read(), help: false };
  } catch (error) {
    // Node's own hints are about writing a parser.
    const [what = ""] = /** @type {Error} */ (error).message.split(". ");
    throw new SetupFailure(`${what.replace(/\.$/u, "")}.`, usage.split("\n")[0] ?? usage);
  }
}

/**
 * @template Value
 * @param {string} option
 * @param {string} name
 * @param {Readonly<Record<string, Value>>} known
 * @returns {Value}
 */
export function chosen(option, name, known) {
  const value = Object.hasOwn(known, name) ? known[name] : undefined;
  if (value !== undefined) return value;
  throw new SetupFailure(`${option} ${name} is not known.`, `choose from ${Object.keys(known).join(", ")}.`);
}
