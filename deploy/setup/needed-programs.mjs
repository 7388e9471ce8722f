/**
 * Looks for every program that the work ahead will call, so that one message names all that is missing, before anything
 * is downloaded.
 */
import { readdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { findCompiler } from "./addon.mjs";
import { exists } from "./cache.mjs";
import { findProgram } from "./child.mjs";
import { findApt } from "./debian-package.mjs";
import { DEBIAN, INSTALLED_FOLDER } from "./fashion-mnist.mjs";
import { findNpm, isInStep } from "./npm-packages.mjs";
import { SetupFailure } from "./say.mjs";
import { findPip, findPython, PINNED_WHEELS, platformName } from "./tensorflow-library.mjs";

/** @typedef {import("./cache.mjs").SetupContext} SetupContext */

/**
 * @param {SetupContext} context
 * @param {{ tensorflow: boolean, data: boolean, systemRoot?: string }} wanted which parts will be set up, and where an
 *   installed package is looked for
 * @throws {SetupFailure} that names each missing program with its fix
 */
export async function requirePrograms(context, { tensorflow, data, systemRoot = "/" }) {
  const finders = [
    findFlock,
    ...(await npmFinders(context)),
    ...(tensorflow ? await tensorflowFinders(context) : []),
    ...(data ? await dataFinders(context, systemRoot) : []),
  ];
  const results = await Promise.allSettled(finders.map((find) => find(context.env)));
  const reasons = results.flatMap((result) => (result.status === "rejected" ? [result.reason] : []));
  const other = reasons.find((reason) => !(reason instanceof SetupFailure));
  if (other !== undefined) throw other;
  if (reasons.length > 0) throw oneFailure(reasons);
}

/**
 * @param {readonly SetupFailure[]} failures at least one
 * @returns {SetupFailure}
 */
function oneFailure(failures) {
  const [first] = failures;
  if (failures.length === 1 && first !== undefined) return first;
  const list = (/** @type {(failure: SetupFailure) => string} */ text) =>
    failures.map((failure, i) => `\n    ${i + 1}. ${text(failure)}`).join("");
  return new SetupFailure(
    `${failures.length} things are missing.${list((failure) => failure.message)}`,
    list((failure) => failure.fix),
  );
}

/**
 * Agents and coordinators lock their folders with it.
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<string>}
 */
async function findFlock(env) {
  const flock = await findProgram("flock", env);
  if (flock !== undefined) return flock;
  throw new SetupFailure(
    "no flock found on the PATH; it comes with util-linux.",
    "install it (Debian, Ubuntu: `sudo apt-get install util-linux`).",
  );
}

/** @typedef {(env: NodeJS.ProcessEnv) => Promise<unknown>} Finder */

/**
 * @param {SetupContext} context
 * @returns {Promise<Finder[]>}
 */
async function npmFinders({ root }) {
  return (await isInStep(root)) ? [] : [findNpm];
}

/**
 * @param {SetupContext} context
 * @returns {Promise<Finder[]>}
 */
async function tensorflowFinders({ cache, env }) {
  const addons = await readdir(join(cache, "tfjs-addon")).catch(() => []);
  const compilers = addons.length === 0 ? [findCompiler] : [];
  if (env.MPO_TENSORFLOW_WHEEL) {
    const libraries = await readdir(join(cache, "tensorflow")).catch(() => []);
    return libraries.length === 0 ? [findPython, ...compilers] : compilers;
  }
  const pinned = PINNED_WHEELS[platformName()];
  if (pinned === undefined || (await exists(join(cache, "tensorflow", pinned.sha256)))) return compilers;
  return [findPip, ...compilers];
}

/**
 * @param {SetupContext} context
 * @param {string} systemRoot
 * @returns {Promise<Finder[]>}
 */
async function dataFinders({ cache, env }, systemRoot) {
  const places = [join(cache, "fashion-mnist"), resolve(systemRoot, INSTALLED_FOLDER)];
  if (env.MPO_FASHION_MNIST || (await Promise.all(places.map(exists))).includes(true)) return [];
  return [(env) => findApt(env, DEBIAN)];
}
