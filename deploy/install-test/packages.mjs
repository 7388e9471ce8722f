/** Packages of a release into a system, as a user would put them there. */
import { cp, mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { SetupFailure } from "../setup/say.mjs";
import { runInSystem } from "./debian-root.mjs";

/**
 * @param {import("../setup/cache.mjs").SetupContext} context
 * @param {string} system
 * @param {string} packages the folder of a release
 * @param {import("../release/facts.mjs").Machine} machine
 * @param {readonly string[]} names
 * @param {readonly string[]} [options] of apt-get install
 */
export async function installPackages(context, system, packages, { debian }, names, options = []) {
  const files = (await readdir(packages)).filter(
    (file) => file.endsWith(`_${debian}.deb`) && names.includes(file.split("_")[0] ?? ""),
  );
  if (files.length !== names.length) {
    const all = names.join(", ");
    throw new SetupFailure(`${packages} has not all of ${all} for ${debian}.`, "build them: `npm run release`.");
  }
  await mkdir(join(system, "root/packages"), { recursive: true });
  for (const file of files) await cp(join(packages, file), join(system, "root/packages", file));
  await runInSystem(context, system, ["apt-get", "update", "--quiet=2"]);
  const paths = files.map((file) => `/root/packages/${file}`);
  const quick = ["--yes", "--no-install-recommends", ...options];
  await runInSystem(context, system, ["apt-get", "install", ...quick, ...paths]);
  await rm(join(system, "root/packages"), { recursive: true });
}

/**
 * Prints what is installed in a system with the engine. The release of TensorFlow is read from what lies beside its library,
 * from which `mpo doctor` names the wheel too.
 * @param {import("../setup/cache.mjs").SetupContext} context
 * @param {string} system
 */
export async function sayVersions(context, system) {
  const text = (await runInSystem(context, system, ["mpo", "--version"])).trim();
  for (const line of text.split("\n")) context.say.work(`  ${line}`);
  if (/^TensorFlow \d/mu.test(text)) return;
  throw new SetupFailure("the engine does not say which TensorFlow it has.", "see deploy/release/engine-tree.mjs.");
}
