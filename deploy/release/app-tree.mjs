/** The program in JavaScript: what the product's packages are built to, beside the npm packages that they need. */
import { existsSync } from "node:fs";
import { chmod, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ensureNpmTree, productPackages, treeManifests } from "./npm-tree.mjs";
import { copyTree, isShipped } from "./trees.mjs";

/** @typedef {import("../setup/cache.mjs").SetupContext} SetupContext */
/** @typedef {import("./facts.mjs").Machine} Machine */
/** @typedef {import("./facts.mjs").ReleaseFacts} ReleaseFacts */

const IS_OF_TESTS = /(?:^|\/)(?:[^/]*\.test\.js|testing|test-support)(?:\/|$)/u;
/** Browsers get it as a bundle: its components are no part of the program. */
const PAGE = "console";
/** The command, relative to node_modules. */
export const COMMAND = "@mpo/cli/dist/main.js";

/**
 * Writes `node_modules` with everything that `mpo` needs but TensorFlow.
 * @param {SetupContext} context
 * @param {ReleaseFacts} facts
 * @param {readonly Machine[]} machines those whose native code comes along
 * @param {string} target
 * @param {{ interpreter?: string }} [options] the Node that runs the command; default: the first of the PATH
 */
export async function writeAppTree(context, facts, machines, target, { interpreter } = {}) {
  const modules = join(target, "node_modules");
  for (const [i, machine] of machines.entries()) {
    const { modules: from } = await ensureNpmTree(context, "app", machine);
    // All machines have the same packages, but for those with native code.
    if (i === 0) await copyTree(from, modules, isShipped);
    else
      await copyTree(
        join(from, "@img"),
        join(modules, "@img"),
        (path) => isShipped(path) && !path.startsWith("colour"),
      );
  }
  await keepNativeCodeOf(machines, modules);
  const manifests = await treeManifests(context.root, "app");
  for (const name of await productPackages(context.root)) {
    const folder = join(modules, "@mpo", name);
    const source = join(context.root, "packages", name, "src");
    // What an older source was built to may still lie there.
    const endings = name === PAGE ? [".ts"] : [".ts", ".tsx"];
    const hasSource = (/** @type {string} */ path) =>
      endings.some((ending) => existsSync(join(source, path.replace(/\.js$/u, ending))));
    const isWanted = (/** @type {string} */ path) => isShipped(path) && !IS_OF_TESTS.test(path) && hasSource(path);
    await copyTree(join(context.root, "packages", name, "dist"), join(folder, "dist"), isWanted);
    const manifest = { ...manifests[`packages/${name}`], exports: { ".": "./dist/index.js" } };
    await writeFile(join(folder, "package.json"), `${JSON.stringify(manifest, undefined, 2)}\n`);
  }
  await copyTree(join(context.root, "packages", PAGE, "dist-web"), join(modules, "@mpo", PAGE, "dist-web"));
  await copyTree(join(context.root, "protos"), join(modules, "@mpo/protocol/protos"));
  const { commit, date } = facts;
  await writeFile(join(modules, "@mpo/cli/release.json"), `${JSON.stringify({ commit, date })}\n`);
  await copyTree(context.root, target, (path) => path === "LICENSE");
  const command = join(modules, COMMAND);
  if (interpreter !== undefined) {
    await writeFile(command, (await readFile(command, "utf8")).replace(/^#!.*/u, `#!${interpreter}`));
  }
  await chmod(command, 0o755);
}

/**
 * Reading pictures is native code. Its package names those of all platforms, which npm would look for in an install
 * without a network.
 * @param {readonly Machine[]} machines
 * @param {string} modules
 */
async function keepNativeCodeOf(machines, modules) {
  const path = join(modules, "sharp/package.json");
  /** @type {{ optionalDependencies: Record<string, string> } & Record<string, unknown>} */
  const { devDependencies: _dev, scripts: _scripts, ...manifest } = JSON.parse(await readFile(path, "utf8"));
  const endings = machines.map(({ platform }) => platform);
  manifest.optionalDependencies = Object.fromEntries(
    Object.entries(/** @type {Record<string, string>} */ (manifest.optionalDependencies)).filter(
      ([name]) => endings.some((ending) => name.endsWith(`-${ending}`)) && !name.includes("musl"),
    ),
  );
  await mkdir(join(modules, "sharp"), { recursive: true });
  await writeFile(path, `${JSON.stringify(manifest, undefined, 2)}\n`);
}
