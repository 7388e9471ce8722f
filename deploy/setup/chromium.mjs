/**
 * Chromium, in which the console is tested: one that the machine has, or Debian's package where this user may install it.
 * Nobody who runs the product needs it.
 */
import { failureKind, findProgram, lastLines, runChild } from "./child.mjs";

/** @typedef {import("./cache.mjs").SetupContext} SetupContext */

/** What Debian, Ubuntu, Fedora and Google call it. */
const NAMES = ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"];
const PACKAGE = "chromium";
export const BY_HAND =
  "install it (Debian: `sudo apt-get install chromium`), or name a Chromium or Chrome in MPO_CHROMIUM; it is needed for the console's tests alone.";

/**
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<string | undefined>} path of one that can be used
 */
export async function findChromium(env) {
  if (env.MPO_CHROMIUM) return env.MPO_CHROMIUM;
  for (const name of NAMES) {
    const found = await findProgram(name, env);
    if (found !== undefined) return found;
  }
  return undefined;
}

/**
 * Installs it where that needs nobody's password, and says so where it cannot be had.
 * @param {Pick<SetupContext, "env" | "say" | "signal" | "root">} context
 */
export async function offerChromium({ env, say, signal, root }) {
  if ((await findChromium(env)) !== undefined) return;
  const apt = await findProgram("apt-get", env);
  if (apt === undefined || process.getuid?.() !== 0) {
    say.work(`there is no Chromium, so the console's tests are left out: ${BY_HAND}`);
    return;
  }
  say.work(`installing Chromium for the console's tests (package ${PACKAGE}, 100 MB) with apt-get`);
  const options = { env: { ...env, LC_ALL: "C", DEBIAN_FRONTEND: "noninteractive" }, cwd: root, signal };
  const install = () => runChild(apt, ["install", "--yes", "--no-install-recommends", PACKAGE], options);
  let result = await install();
  if (result.code !== 0) {
    await runChild(apt, ["update"], options);
    result = await install();
  }
  if (result.code === 0) return;
  const why = failureKind(result.stderr) === "no-network" ? "there is no network" : lastLines(result.stderr, 3);
  say.work(`Chromium could not be installed (${why}), so the console's tests are left out: ${BY_HAND}`);
}
