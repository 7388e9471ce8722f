/** The command as one npm package with all that it needs but TensorFlow, for `npm install -g FILE` without a network. */
import { mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { NODE_RANGE } from "../setup/node-range.mjs";
import { findNpm } from "../setup/npm-packages.mjs";
import { COMMAND, writeAppTree } from "./app-tree.mjs";
import { runTool } from "./tools.mjs";
import { normalise } from "./trees.mjs";

/** @typedef {import("../setup/cache.mjs").SetupContext} SetupContext */

/**
 * @param {SetupContext} context
 * @param {import("./facts.mjs").ReleaseFacts} facts
 * @param {readonly import("./facts.mjs").Machine[]} machines
 * @param {{ work: string, out: string }} folders
 * @returns {Promise<string>} its file
 */
export async function buildNpmPackage(context, facts, machines, { work, out }) {
  context.say.work("building the npm package");
  const tree = join(work, "npm-package");
  await rm(tree, { recursive: true, force: true });
  await mkdir(tree, { recursive: true });
  await writeAppTree(context, facts, machines, tree);
  const modules = await moduleNames(join(tree, "node_modules"));
  const manifest = {
    name: "mpo",
    version: facts.version,
    description: "Retraining of neural networks within whatever memory and time a device has, managed for a fleet.",
    license: "Apache-2.0",
    type: "module",
    engines: { node: NODE_RANGE },
    os: ["linux"],
    bin: { mpo: `node_modules/${COMMAND}` },
    dependencies: { "@mpo/cli": facts.version },
    // All of them: npm then asks no registry.
    bundleDependencies: modules,
  };
  await writeFile(join(tree, "package.json"), `${JSON.stringify(manifest, undefined, 2)}\n`);
  await normalise(tree, facts.epoch);
  const npm = await findNpm(context.env);
  await runTool(context, npm, ["pack", "--ignore-scripts", "--silent", `--pack-destination=${out}`], { cwd: tree });
  await rm(tree, { recursive: true });
  return join(out, `mpo-${facts.version}.tgz`);
}

/**
 * @param {string} modules
 * @returns {Promise<string[]>}
 */
async function moduleNames(modules) {
  const names = [];
  for (const name of (await readdir(modules)).sort()) {
    if (!name.startsWith("@")) names.push(name);
    else names.push(...(await readdir(join(modules, name))).sort().map((one) => `${name}/${one}`));
  }
  return names;
}
