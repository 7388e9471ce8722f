/** TensorFlow ready to use: its library, its addon for Node, and a check that repairs what turns out to be damaged. */
import { checkAddon, ensureAddon } from "./addon.mjs";
import { SetupFailure } from "./say.mjs";
import { ensureTensorflowLibrary } from "./tensorflow-library.mjs";

/** @typedef {import("./cache.mjs").SetupContext} SetupContext */

/**
 * The three steps, as arguments for tests.
 * @typedef {object} Steps
 * @property {(context: SetupContext) => Promise<import("./addon.mjs").TensorflowLibrary & { fresh: boolean }>} library
 * @property {typeof ensureAddon} addon
 * @property {typeof checkAddon} check
 */

/** @type {Steps} */
const STEPS = { library: ensureTensorflowLibrary, addon: ensureAddon, check: checkAddon };

/**
 * Makes sure that TensorFlow works in this checkout. When the check fails although every file has its size and time,
 * every hash is read again, what is damaged is made again, and the check repeated.
 * @param {SetupContext} context
 * @param {Steps} [steps]
 */
export async function ensureTensorflow(context, steps = STEPS) {
  const { fresh, checked } = await place(context, steps);
  if (!fresh && checked && !context.verify) return;
  try {
    await steps.check(context);
  } catch (error) {
    if (!(error instanceof SetupFailure) || context.verify) throw error;
    context.say.work("TensorFlow does not work: checking all its files in the cache");
    const repaired = await place({ ...context, verify: true }, steps);
    if (!repaired.fresh) throw error;
    await steps.check(context);
  }
}

/**
 * @param {SetupContext} context
 * @param {Steps} steps
 * @returns {Promise<{ fresh: boolean, checked: boolean }>}
 */
async function place(context, steps) {
  const library = await steps.library(context);
  const addon = await steps.addon(context, library);
  return { fresh: library.fresh || addon.fresh, checked: addon.checked };
}
