/** What a release is: its version, its commit, its time, and the machines that it is for. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { lastLines, runChild } from "../setup/child.mjs";
import { SetupFailure } from "../setup/say.mjs";

/** @typedef {"amd64" | "arm64"} DebianArch */
/**
 * One machine, in the words of each of those who build for it.
 * @typedef {object} Machine
 * @property {DebianArch} debian
 * @property {"x64" | "arm64"} node also Go's and npm's, but for x64
 * @property {string} go
 * @property {string} platform in the list of pinned wheels
 * @property {string} tools what the names of its compiler and its `strip` begin with
 */

/** @type {Readonly<Record<DebianArch, Machine>>} */
export const MACHINES = {
  amd64: { debian: "amd64", node: "x64", go: "amd64", platform: "linux-x64", tools: "x86_64-linux-gnu" },
  arm64: { debian: "arm64", node: "arm64", go: "arm64", platform: "linux-arm64", tools: "aarch64-linux-gnu" },
};

/**
 * @typedef {object} ReleaseFacts
 * @property {string} version of all packages: the root's package.json is the one place
 * @property {string} commit its full hash; with `-changed` when the checkout is not that commit
 * @property {number} epoch seconds: the time of the commit, which every file in the release bears
 * @property {string} date its day
 */

/**
 * @param {import("../setup/cache.mjs").SetupContext} context
 * @returns {Promise<ReleaseFacts>}
 */
export async function readFacts({ root, env, signal }) {
  /** @type {{ version: string }} */
  const { version } = JSON.parse(await readFile(join(root, "package.json"), "utf8"));
  /** @param {string[]} args */
  const git = async (...args) => {
    const result = await runChild("git", args, { env, cwd: root, signal });
    if (result.code === 0) return result.stdout.trim();
    throw new SetupFailure(
      `a release bears its commit, and git says:\n${lastLines(result.stderr)}`,
      "build it in a git checkout with at least one commit.",
    );
  };
  const [hash = "", seconds = ""] = (await git("log", "-1", "--format=%H %ct")).split(" ");
  const isChanged = (await git("status", "--porcelain", "--untracked-files=no")) !== "";
  return {
    version,
    commit: isChanged ? `${hash}-changed` : hash,
    epoch: Number(seconds),
    date: new Date(Number(seconds) * 1000).toISOString().slice(0, 10),
  };
}
