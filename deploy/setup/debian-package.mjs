/**
 * Packages of Debian and Ubuntu, downloaded by apt-get and unpacked into a folder: no root is needed, and the system's
 * package lists are left alone.
 */
import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { findProgram, runChild } from "./child.mjs";
import { fetchFailure } from "./fetched-data.mjs";
import { SetupFailure } from "./say.mjs";

/** @typedef {import("./cache.mjs").SetupContext} SetupContext */

/**
 * What is wanted.
 * @typedef {object} DebianPackage
 * @property {string} name of the package
 * @property {string} label what to call it to the reader
 * @property {string} byHand what to do where apt-get cannot get it
 */

/**
 * @param {NodeJS.ProcessEnv} env
 * @param {DebianPackage} wanted
 * @returns {Promise<{ apt: string, dpkg: string }>}
 * @throws {SetupFailure} when one of the two is missing
 */
export async function findApt(env, { name, label, byHand }) {
  const apt = await findProgram("apt-get", env);
  const dpkg = await findProgram("dpkg-deb", env);
  if (apt !== undefined && dpkg !== undefined) return { apt, dpkg };
  throw new SetupFailure(
    `${label} comes from Debian's package ${name}, and this system has no ${apt ? "dpkg-deb" : "apt-get"}.`,
    byHand,
  );
}

/**
 * @param {SetupContext} context
 * @param {DebianPackage & { readonly folder: string }} wanted the folder is made here
 * @returns {Promise<string>} the folder with what was in the package
 */
export async function downloadPackage({ cache, env, say, signal }, wanted) {
  const { folder, name: wantedName, byHand } = wanted;
  const fetched = { program: "apt-get", server: "the package server", name: wantedName, byHand };
  const { apt, dpkg } = await findApt(env, wanted);
  await mkdir(folder, { recursive: true });
  const options = { env: { ...env, LC_ALL: "C" }, cwd: folder, signal };
  const sandbox = process.getuid?.() === 0 ? ["-o", "APT::Sandbox::User=root"] : [];
  const fromSystemLists = await runChild(apt, [...sandbox, "download", wantedName], options);
  if (fromSystemLists.code !== 0) {
    const lists = [...sandbox, ...(await privateLists(folder))];
    say.work("asking for fresh package lists (kept apart from the system's)");
    const update = await runChild(apt, [...lists, "update"], options);
    const result = await runChild(apt, [...lists, "download", wantedName], options);
    if (result.code !== 0) throw fetchFailure(fetched, `${update.stderr}\n${result.stderr}`, cache);
  }
  const name = (await readdir(folder)).find((entry) => entry.endsWith(".deb"));
  if (name === undefined) throw fetchFailure(fetched, "apt-get left no package", cache);
  const unpacked = join(folder, "unpacked");
  const result = await runChild(dpkg, ["--extract", join(folder, name), unpacked], options);
  if (result.code !== 0) throw fetchFailure(fetched, result.stderr, cache);
  return unpacked;
}

/**
 * @param {string} folder
 * @returns {Promise<string[]>} options that make apt keep lists and archives below the folder
 */
async function privateLists(folder) {
  const state = join(folder, "apt-state");
  const cache = join(folder, "apt-cache");
  await mkdir(join(state, "lists/partial"), { recursive: true });
  await mkdir(join(cache, "archives/partial"), { recursive: true });
  const settings = [
    `Dir::State=${state}`,
    `Dir::Cache=${cache}`,
    "Dir::State::status=/var/lib/dpkg/status",
    "Acquire::Languages=none",
  ];
  return settings.flatMap((setting) => ["-o", setting]);
}
