/** The engine: TensorFlow's library from its wheel, the addon that is compiled against it, and the program that loads both. */
import { createHash } from "node:crypto";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { compileAddon } from "../setup/addon.mjs";
import { ensureArtefact } from "../setup/cache.mjs";
import { ensureTensorflowLibrary, PINNED_WHEELS } from "../setup/tensorflow-library.mjs";
import { ensureNpmTree, KEPT_TREES } from "./npm-tree.mjs";
import { runTool } from "./tools.mjs";
import { copyTree, isShipped } from "./trees.mjs";

/** @typedef {import("../setup/cache.mjs").SetupContext} SetupContext */
/** @typedef {import("./facts.mjs").Machine} Machine */

const MODULE = "@tensorflow/tfjs-node";
/** As tfjs-node looks for it, under every Node that it runs on. */
const ADDON = "lib/napi-v8/tfjs_binding.node";
/** What only browsers load, and the sources that the addon is compiled from. */
const IS_OF_BROWSERS =
  /^@tensorflow\/(?:[^/]+\/(?:src|dist\/(?:miniprogram|tf[^/]*(?<!\.node)\.js$))|tfjs-node\/(?:binding|scripts|python))(?:\/|$)/u;

/**
 * Writes the folder of the engine: `node_modules` with tfjs-node, its addon and the library.
 * @param {SetupContext} context
 * @param {Machine} machine
 * @param {string} target
 */
export async function writeEngineTree(context, machine, target) {
  const { modules } = await ensureNpmTree(context, "engine", machine);
  const library = await ensureTensorflowLibrary(context, { pinned: PINNED_WHEELS[machine.platform] });
  const native = await ensureNative(context, machine, library, join(modules, MODULE));
  await assembleEngine({ modules, native, target });
  await copyTree(context.root, target, (path) => path === "LICENSE");
}

/**
 * @param {{ modules: string, native: string, target: string }} folders `native` has what is added to tfjs-node's own files
 */
export async function assembleEngine({ modules, native, target }) {
  const isWanted = (/** @type {string} */ path) => isShipped(path) && !IS_OF_BROWSERS.test(path);
  await copyTree(modules, join(target, "node_modules"), isWanted);
  const folder = join(target, "node_modules", MODULE);
  // The cache's own note stays; that of the library goes along, by which `mpo doctor` names its wheel.
  await copyTree(native, folder, (path) => path !== "stamp.json");
  // Its own script would download another library.
  const manifest = JSON.parse(await readFile(join(folder, "package.json"), "utf8"));
  const { scripts: _scripts, devDependencies: _dev, ...kept } = manifest;
  await writeFile(join(folder, "package.json"), `${JSON.stringify(kept, undefined, 2)}\n`);
}

/**
 * @param {SetupContext} context
 * @param {Machine} machine
 * @param {Awaited<ReturnType<typeof ensureTensorflowLibrary>>} library
 * @param {string} tfjsNode
 * @returns {Promise<string>} a folder with what is added to tfjs-node's: `lib`, `deps`
 */
async function ensureNative(context, machine, library, tfjsNode) {
  const compiler = `${machine.tools}-g++`;
  const version = await runTool(context, compiler, ["--version"]);
  const key = createHash("sha256").update([version, library.wheelSha256, "1"].join("\n")).digest("hex").slice(0, 32);
  const { folder } = await ensureArtefact(context, {
    name: `release/engine-${machine.node}-${key}`,
    label: `TensorFlow's library and addon for ${machine.debian}`,
    roomBytes: 900e6,
    kept: KEPT_TREES,
    build: async (staging) => {
      await mkdir(join(staging, "lib/napi-v8"), { recursive: true });
      const headers = join(context.root, "node_modules/node-api-headers/include");
      const own = { ...context, env: { ...context.env, CXX: compiler } };
      await compileAddon(own, { tfjsNode, headers, library, target: join(staging, ADDON) });
      await copyTree(library.libFolder, join(staging, "deps/lib"));
      // Symbols for debuggers: a quarter of the room.
      for (const name of ["libtensorflow_cc.so.2", "libtensorflow_framework.so.2"]) {
        await runTool(context, `${machine.tools}-strip`, ["--strip-unneeded", join(staging, "deps/lib", name)]);
      }
      const facts = { version: library.version, wheel: library.wheel, wheelSha256: library.wheelSha256 };
      await writeFile(join(staging, "deps/stamp.json"), `${JSON.stringify({ facts })}\n`);
      await rm(join(staging, "tmp"), { recursive: true, force: true });
      return facts;
    },
  });
  return folder;
}
