/**
 * The npm packages that a release brings, as `npm ci` takes them from the lock file for one machine: those of the product
 * without TensorFlow, and those of the engine. What only development needs is never installed, so it cannot be shipped.
 */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { copyFile, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { ensureArtefact } from "../setup/cache.mjs";
import { findNpm } from "../setup/npm-packages.mjs";
import { runTool } from "./tools.mjs";

/** @typedef {import("../setup/cache.mjs").SetupContext} SetupContext */
/** @typedef {import("./facts.mjs").Machine} Machine */
/** @typedef {{ name: string, version: string, dependencies?: Record<string, string> } & Record<string, unknown>} Manifest */

/** The laboratory measures and demonstrates; it is no part of the product. */
const LABORATORY = "lab";
const TENSORFLOW = "@tensorflow/";
/** Each change of a version makes another; some checkouts share a cache. */
export const KEPT_TREES = 3;
/** Far beyond the few hundred kilobytes that the list of one tree takes. */
const SBOM_BYTES = 64e6;

/**
 * The manifests of a tree, by the folder in which each lies.
 * @param {string} root the checkout
 * @param {"app" | "engine"} kind
 * @returns {Promise<Record<string, Manifest>>}
 */
export async function treeManifests(root, kind) {
  /** @param {string} folder @returns {Promise<Manifest>} */
  const read = async (folder) => JSON.parse(await readFile(join(root, folder, "package.json"), "utf8"));
  const { devDependencies: _dev, scripts: _scripts, workspaces: _all, ...top } = await read("");
  if (kind === "engine") {
    const { dependencies = {} } = await read("packages/engine");
    return { "": { ...top, dependencies: onlyThose(dependencies, (name) => name === `${TENSORFLOW}tfjs-node`) } };
  }
  const folders = (await productPackages(root)).map((name) => `packages/${name}`);
  /** @type {Record<string, Manifest>} */
  const manifests = { "": { ...top, workspaces: folders } };
  for (const folder of folders) {
    const { devDependencies: _ofTests, ...manifest } = await read(folder);
    const dependencies = onlyThose(manifest.dependencies ?? {}, (name) => !name.startsWith(TENSORFLOW));
    manifests[folder] = { ...manifest, dependencies };
  }
  return manifests;
}

/**
 * @param {string} root
 * @returns {Promise<string[]>} the packages of the product, by the names of their folders
 */
export async function productPackages(root) {
  return (await readdir(join(root, "packages"))).filter((name) => name !== LABORATORY).sort();
}

/**
 * @param {Record<string, string>} dependencies
 * @param {(name: string) => boolean} wanted
 */
function onlyThose(dependencies, wanted) {
  return Object.fromEntries(Object.entries(dependencies).filter(([name]) => wanted(name)));
}

/**
 * Makes sure that the tree lies in the cache, with its list of contents.
 * @param {SetupContext} context
 * @param {"app" | "engine"} kind
 * @param {Machine} machine
 * @returns {Promise<{ modules: string, sbom: string }>} the folder node_modules, and the file of its CycloneDX list
 */
export async function ensureNpmTree(context, kind, machine) {
  const manifests = await treeManifests(context.root, kind);
  const lock = await readFile(join(context.root, "package-lock.json"));
  const key = createHash("sha256").update(JSON.stringify(manifests)).update(lock).digest("hex").slice(0, 32);
  const { folder } = await ensureArtefact(context, {
    name: `release/npm-${kind}-${machine.node}-${key}`,
    label: `the npm packages of the ${kind} for ${machine.debian}`,
    roomBytes: 800e6,
    kept: KEPT_TREES,
    build: async (staging) => {
      for (const [place, manifest] of Object.entries(manifests)) {
        await mkdir(join(staging, place), { recursive: true });
        await writeFile(join(staging, place, "package.json"), JSON.stringify(manifest, undefined, 2));
      }
      await copyFile(join(context.root, "package-lock.json"), join(staging, "package-lock.json"));
      context.say.work(`installing the npm packages of the ${kind} for ${machine.debian}`);
      const npm = await findNpm(context.env);
      const target = [`--cpu=${machine.node}`, "--os=linux", "--libc=glibc"];
      const quiet = ["--no-audit", "--no-fund", "--loglevel=error", "--prefer-offline"];
      await runTool(context, npm, ["ci", "--ignore-scripts", ...target, ...quiet], { cwd: staging });
      const { env, signal } = context;
      const listed = { cwd: staging, env, signal, maxBuffer: SBOM_BYTES };
      const { stdout } = await promisify(execFile)(npm, ["sbom", "--sbom-format=cyclonedx"], listed);
      await writeFile(join(staging, "sbom.json"), stdout);
      // Links into folders that only npm needed: the packages themselves are put there from their builds.
      await rm(join(staging, "node_modules/@mpo"), { recursive: true, force: true });
      return {};
    },
  });
  return { modules: join(folder, "node_modules"), sbom: join(folder, "sbom.json") };
}
