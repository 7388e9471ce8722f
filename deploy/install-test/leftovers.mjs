/** What packages leave behind: after an upgrade and a removal the state, after a purge nothing. */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { exists } from "../setup/cache.mjs";
import { SetupFailure } from "../setup/say.mjs";
import { runInSystem } from "./debian-root.mjs";

/** @typedef {import("../setup/cache.mjs").SetupContext} SetupContext */

const PACKAGES = ["mpo", "mpo-engine", "mpo-agent"];
const STATE = ["var/lib/mpo/agent", "srv/mpo", "etc/mpo/agent.toml"];
/** What dpkg and apt note of every change, and backups of the list of users. */
const NOTES =
  /^(?:var\/(?:log|cache|lib\/(?:apt|dpkg))\/|etc\/(?:passwd|shadow|group|gshadow|subuid|subgid)-$|etc\/\.pwd\.lock$|root\/packages|(?:proc|sys|dev|run|tmp)\/)/u;

/**
 * @param {SetupContext} context
 * @param {string} root an empty system, for an agent
 * @returns {Promise<Set<string>>} what is there before ours
 */
export async function prepareBoard(context, root) {
  await runInSystem(context, root, ["apt-get", "update", "--quiet=2"]);
  // What every system with packages of its own has; it stays when ours go.
  const usual = ["--yes", "--no-install-recommends", "systemd-standalone-sysusers"];
  await runInSystem(context, root, ["apt-get", "install", ...usual]);
  return await filesOf(root);
}

/**
 * @param {string} root
 * @returns {Promise<Set<string>>} all its files and folders but notes of changes
 */
async function filesOf(root) {
  /** @type {Set<string>} */
  const found = new Set();
  /** @param {string} below */
  const walk = async (below) => {
    for (const entry of await readdir(join(root, below), { withFileTypes: true })) {
      const path = below === "" ? entry.name : `${below}/${entry.name}`;
      if (NOTES.test(entry.isDirectory() ? `${path}/` : path)) continue;
      found.add(path);
      if (entry.isDirectory()) await walk(path);
    }
  };
  await walk("");
  return found;
}

/**
 * @param {SetupContext} context
 * @param {string} root
 * @param {Set<string>} before its files when ours were not there yet
 * @param {() => Promise<void>} reinstall
 */
export async function checkPurge(context, root, before, reinstall) {
  const state = await stateOf(root);
  await reinstall();
  requireSame(state, await stateOf(root), "an upgrade");
  await runInSystem(context, root, ["apt-get", "remove", "--yes", ...PACKAGES]);
  requireSame(state, await stateOf(root), "a removal");
  await runInSystem(context, root, ["apt-get", "purge", "--yes", ...PACKAGES]);
  const left = [...(await filesOf(root))].filter((path) => !before.has(path));
  const user = await runInSystem(context, root, ["sh", "-c", "getent passwd mpo; getent group mpo; true"]);
  if (left.length === 0 && user === "") return;
  throw new SetupFailure(`a purge leaves ${[...left, user].join(", ")}`, "see deploy/packages/*/postrm.");
}

/** @param {string} root */
async function stateOf(root) {
  const all = [];
  for (const place of STATE) {
    const path = join(root, place);
    if (!(await exists(path))) continue;
    all.push(place, ...(place.endsWith(".toml") ? [] : await readdir(path, { recursive: true })));
  }
  return all.sort();
}

/**
 * @param {readonly string[]} before
 * @param {readonly string[]} after
 * @param {string} what
 */
function requireSame(before, after, what) {
  if (before.length > 0 && before.join("\n") === after.join("\n")) return;
  throw new SetupFailure(
    `${what} changes the state: ${before.length} files before, ${after.length} after.`,
    "see deploy/packages.",
  );
}
