/**
 * The npm packages of the lock file. They are installed with `npm ci` and without install scripts, but for those of
 * packages named true in package.json's `allowScripts`. Nothing is done when node_modules is in step with the lock
 * file already.
 */
import { createHash } from "node:crypto";
import { lstat, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { writeAtomically } from "./cache.mjs";
import { failureKind, findProgram, lastLines, runChild } from "./child.mjs";
import { withLock } from "./lock.mjs";
import { diskFull, SetupFailure } from "./say.mjs";

/** @typedef {import("./cache.mjs").SetupContext} SetupContext */
/** @typedef {{ version?: string, integrity?: string, link?: boolean, optional?: boolean }} LockedPackage */

/** npm's own pauses between attempts add up to more than a minute before it says that there is no network. */
const SHORT_PAUSES = ["--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=5000"];
const STAMP_FILE = "node_modules/.mpo-packages.json";

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
async function isInStep(root) {
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
  // An interrupted npm must not leave a stamp behind that says all is well.
  await rm(join(root, STAMP_FILE), { force: true });
  await npm(context, [
    "ci",
    "--ignore-scripts",
    "--no-audit",
    "--no-fund",
    "--prefer-offline",
    "--loglevel=error",
    ...SHORT_PAUSES,
  ]);
  /** @type {{ allowScripts?: Record<string, boolean> }} */
  const { allowScripts = {} } = JSON.parse(await readFile(join(root, "package.json"), "utf8"));
  for (const [name, allowed] of Object.entries(allowScripts)) {
    if (!allowed) continue;
    say.work(`running the install script of ${name} (allowed in package.json)`);
    await npm(context, ["rebuild", name, "--ignore-scripts=false", "--loglevel=error"]);
  }
}

/**
 * @param {SetupContext} context
 * @param {string[]} args
 * @throws {SetupFailure}
 */
async function npm({ root, env, say, signal }, args) {
  const command = await findProgram("npm", env);
  if (command === undefined) {
    throw new SetupFailure(
      "no npm found on the PATH; it comes with Node.",
      "install it (Node from nodejs.org brings it; Debian, Ubuntu: `sudo apt-get install npm`).",
    );
  }
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
 * @param {string} verb
 * @param {string} output
 * @param {string} root
 * @returns {SetupFailure}
 */
function npmFailure(verb, output, root) {
  const kind = failureKind(output);
  if (kind === "disk-full") return diskFull(root);
  if (/EINTEGRITY/u.test(output)) {
    return new SetupFailure(
      `wrong hash: an npm package is not the one that package-lock.json pins.\n${lastLines(output, 4)}`,
      "run `npm cache clean --force` and the command again; if it stays, the registry or proxy in between changes files.",
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
      `package.json and package-lock.json do not fit together.\n${lastLines(differences.join("\n"), 6)}`,
      "run `npm install --ignore-scripts` and commit package-lock.json.",
    );
  }
  return new SetupFailure(
    `npm ${verb} failed. Its last words:\n${lastLines(output)}`,
    "see what npm says above, then run the command again.",
  );
}
