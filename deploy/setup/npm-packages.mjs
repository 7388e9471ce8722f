/**
 * The npm packages of the lock file. They are installed with `npm ci` and without install scripts. Nothing is done when
 * node_modules is in step with the lock file already.
 */
import { createHash } from "node:crypto";
import { lstat, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { exists, requireRoom, writeAtomically } from "./cache.mjs";
import { failureKind, findProgram, lastLines, runChild } from "./child.mjs";
import { withLock } from "./lock.mjs";
import { megabytes, SetupFailure } from "./say.mjs";

/** @typedef {import("./cache.mjs").SetupContext} SetupContext */
/**
 * @typedef {object} LockedPackage
 * @property {string} [version]
 * @property {string} [integrity]
 * @property {boolean} [link]
 * @property {boolean} [optional]
 * @property {string[]} [os]
 * @property {string[]} [cpu]
 * @property {string[]} [libc]
 */

/** npm's own pauses between attempts add up to more than a minute before it says that there is no network. */
const SHORT_PAUSES = ["--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=5000"];
const STAMP_FILE = "node_modules/.mpo-packages.json";
/** What node_modules takes at most (eight hundred megabytes in use). */
const ROOM_BYTES = 1000e6;

/**
 * Makes sure that node_modules holds what package-lock.json says.
 * @param {SetupContext} context
 * @returns {Promise<{ fresh: boolean }>}
 */
export async function ensureNpmPackages(context) {
  const { root, cache, say, signal } = context;
  if (await isInStep(root)) return { fresh: false };
  const checkout = createHash("sha256").update(root).digest("hex").slice(0, 16);
  return withLock({
    folder: join(cache, "locks"),
    name: `npm-${checkout}`,
    signal,
    onWait: (owner) => say.work(`waiting for another set-up (${owner}) that installs the npm packages here`),
    work: async () => {
      if (await isInStep(root)) return { fresh: false };
      await install(context);
      await writeStamp(root);
      say.work("the npm packages are in place");
      return { fresh: true };
    },
  });
}

/**
 * @param {string} root
 * @returns {Promise<boolean>}
 */
export async function isInStep(root) {
  const lockText = await readFile(join(root, "package-lock.json"), "utf8");
  const installed = await readPackages(join(root, "node_modules/.package-lock.json"));
  if (installed === undefined) return false;
  const stamped = (await readFile(join(root, STAMP_FILE), "utf8").catch(() => "")) === stampOf(lockText);
  if (!stamped && !isSame(JSON.parse(lockText).packages, installed)) return false;
  for (const path of Object.keys(installed)) {
    // Not followed: the link of a workspace counts as installed, whatever became of its folder.
    if (isPlace(path) && (await lstat(join(root, path)).catch(() => undefined)) === undefined) return false;
  }
  if (!stamped) await writeStamp(root);
  return true;
}

/**
 * @param {string} path npm's own note of what it installed; it is written last
 * @returns {Promise<Record<string, LockedPackage> | undefined>} undefined when there is none, as after an interruption
 */
async function readPackages(path) {
  try {
    return JSON.parse(await readFile(path, "utf8")).packages;
  } catch {
    return undefined;
  }
}

/**
 * @param {string} path
 * @returns {boolean} whether it is a place in node_modules rather than a workspace's folder
 */
function isPlace(path) {
  return path.includes("node_modules/");
}

/**
 * Compares what is wanted with what npm noted, so that a plain `npm install` or `npm ci` counts too.
 * @param {Record<string, LockedPackage>} locked
 * @param {Record<string, LockedPackage>} installed
 * @returns {boolean}
 */
function isSame(locked, installed) {
  const wantedAreThere = Object.entries(locked).every(([path, { version, integrity, optional }]) => {
    const found = installed[path];
    if (found === undefined) return optional === true || !isPlace(path);
    return found.version === version && found.integrity === integrity;
  });
  return wantedAreThere && Object.keys(installed).every((path) => locked[path] !== undefined);
}

/**
 * @param {string} lockText
 * @returns {string}
 */
function stampOf(lockText) {
  const lockSha256 = createHash("sha256").update(lockText).digest("hex");
  return JSON.stringify({ lockSha256, platform: process.platform, arch: process.arch });
}

/** @param {string} root */
async function writeStamp(root) {
  await writeAtomically(join(root, STAMP_FILE), stampOf(await readFile(join(root, "package-lock.json"), "utf8")));
}

/** @param {SetupContext} context */
async function install(context) {
  const { root, say } = context;
  say.work("installing the npm packages of package-lock.json (npm ci, without install scripts)");
  // An interrupted npm must not leave a stamp that says all is well.
  await rm(join(root, STAMP_FILE), { force: true });
  // An older node_modules is removed by npm first: its room counts as free, and is not known.
  if (!(await exists(join(root, "node_modules")))) await requireRoom(root, ROOM_BYTES, checkoutFull);
  const ci = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline", "--loglevel=error"];
  await npm(context, [...ci, ...SHORT_PAUSES]).catch(async (error) => {
    if (!(error instanceof WrongHash)) throw error;
    // What npm kept from earlier is damaged more often than what a registry sends.
    say.work("an npm package has the wrong hash: clearing npm's cache of damaged files, then trying once more");
    await npm(context, ["cache", "verify", "--loglevel=error"]);
    await npm(context, [...ci, ...SHORT_PAUSES]);
  });
  await requirePlatformPackages(root);
}

/**
 * npm leaves out an optional package in silence when it cannot be written. The compiler and other tools are such
 * packages, one for each platform.
 * @param {string} root
 * @throws {SetupFailure} when one of this platform is missing
 */
async function requirePlatformPackages(root) {
  /** @type {Record<string, LockedPackage>} */
  const locked = JSON.parse(await readFile(join(root, "package-lock.json"), "utf8")).packages;
  const installed = (await readPackages(join(root, "node_modules/.package-lock.json"))) ?? {};
  const { glibcVersionRuntime } = /** @type {{ header: { glibcVersionRuntime?: string } }} */ (
    process.report.getReport()
  ).header;
  const libc = glibcVersionRuntime === undefined ? "musl" : "glibc";
  const missing = Object.entries(locked).filter(
    ([path, { os, cpu, libc: wanted = [libc] }]) =>
      os?.includes(process.platform) && cpu?.includes(process.arch) && wanted.includes(libc) && !installed[path],
  );
  if (missing.length === 0) return;
  throw new SetupFailure(
    `npm ci left out ${missing.map(([path]) => path.replace(/^.*node_modules\//u, "")).join(", ")}, which this platform needs.`,
    `check that there is space on the disk of ${root} and that the network works, then run the command again.`,
  );
}

/**
 * @param {SetupContext} context
 * @param {string[]} args
 * @throws {SetupFailure}
 */
async function npm({ root, env, say, signal }, args) {
  const command = await findNpm(env);
  const started = Date.now();
  const ticker = setInterval(
    () => say.progress(`npm ${args[0]}: ${Math.round((Date.now() - started) / 1000)} s`),
    1_000,
  );
  try {
    const { code, stdout, stderr } = await runChild(command, args, { env, cwd: root, signal });
    if (code !== 0) throw npmFailure(args[0] ?? "", `${stdout}\n${stderr}`, root);
  } finally {
    clearInterval(ticker);
  }
}

/**
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<string>}
 * @throws {SetupFailure} when there is none
 */
export async function findNpm(env) {
  const npm = await findProgram("npm", env);
  if (npm !== undefined) return npm;
  throw new SetupFailure(
    "no npm found on the PATH; it comes with Node.",
    "install it (Node from nodejs.org brings it; Debian, Ubuntu: `sudo apt-get install npm`).",
  );
}

/** A package is not the one that the lock file pins. */
class WrongHash extends SetupFailure {}

/**
 * @param {string} root
 * @param {string} [detail] how much is there and how much is needed
 * @returns {SetupFailure}
 */
function checkoutFull(root, detail = `${megabytes(ROOM_BYTES)} needed for the npm packages`) {
  return new SetupFailure(
    `the disk is full at ${root} (${detail}).`,
    "free some space there, or move the checkout to a larger disk, then run the command again.",
  );
}

/**
 * @param {string} verb
 * @param {string} output
 * @param {string} root
 * @returns {SetupFailure}
 */
function npmFailure(verb, output, root) {
  const kind = failureKind(output);
  if (kind === "disk-full") return checkoutFull(root);
  if (/EINTEGRITY/u.test(output)) {
    return new WrongHash(
      `wrong hash: an npm package is not the one that package-lock.json pins.\n${lastLines(output, 4)}`,
      "run the command again; if this persists, the registry or proxy in between changes files: use another (`npm config set registry`).",
    );
  }
  if (kind === "no-network") {
    return new SetupFailure(
      "no network: npm could not reach its registry.",
      "connect this machine (or set HTTPS_PROXY, or `npm config set registry` to a mirror), then run the command again.",
    );
  }
  if (/EUSAGE|in sync/u.test(output)) {
    const differences = output.split("\n").filter((line) => /Missing:|Invalid:/u.test(line));
    return new SetupFailure(
      `package.json and package-lock.json do not match.\n${lastLines(differences.join("\n"), 6)}`,
      "run `npm install --ignore-scripts` and commit package-lock.json.",
    );
  }
  return new SetupFailure(
    `npm ${verb} failed. Its last output:\n${lastLines(output)}`,
    "see what npm says above, then run the command again.",
  );
}
