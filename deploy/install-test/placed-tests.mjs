/** Tests put into an installed system, where they find what is installed there: the packages hold none. */
import { mkdir, readdir, symlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { copyTree } from "../release/trees.mjs";
import { exists } from "../setup/cache.mjs";

/** Below the program's folder, so that Node finds the engine as the program does. */
export const TEST_FOLDER = "/usr/lib/mpo/test";
/** What only tests use, all of it JavaScript. */
const OF_TESTS = ["fast-check", "pure-rand"];

/**
 * @param {import("../setup/cache.mjs").SetupContext} context
 * @param {string} system the installed system's folder
 */
export async function placeTests({ root }, system) {
  const folder = join(system, TEST_FOLDER);
  const modules = join(folder, "node_modules");
  for (const name of await readdir(join(root, "packages"))) {
    const isWanted = (/** @type {string} */ path) => /^(?:package\.json|dist|cases|models)(?:\/|$)/u.test(path);
    await copyTree(join(root, "packages", name), join(folder, "packages", name), isWanted);
  }
  await copyTree(join(root, "protos"), join(folder, "protos"));
  for (const name of OF_TESTS) await copyTree(join(root, "node_modules", name), join(modules, name));
  const installed = join(system, "usr/lib/mpo/app/node_modules");
  for (const name of await readdir(installed)) {
    if (name !== "@mpo" && !(await exists(join(modules, name))))
      await symlink(`../../app/node_modules/${name}`, join(modules, name));
  }
  await mkdir(join(modules, "@mpo"), { recursive: true });
  for (const name of await readdir(join(folder, "packages"))) {
    const link = join(modules, "@mpo", name);
    await mkdir(dirname(link), { recursive: true });
    await symlink(`../../packages/${name}`, link);
  }
}
