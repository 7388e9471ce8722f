/** Packages of an earlier version, where there is no earlier release: those of this one, with a lower version and other settings. */
import { appendFile, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { runTool } from "../release/tools.mjs";

/** @typedef {import("../setup/cache.mjs").SetupContext} SetupContext */

/** Lower than the version itself, by Debian's rules. */
const EARLIER = "~earlier";
/** So that dpkg finds that the maintainer has changed what the administrator has changed too. */
const OTHER_SETTINGS = "\n# Of an earlier version.\n";

/**
 * @param {SetupContext} context
 * @param {{ packages: string, target: string, arch: string, names: readonly string[] }} what
 */
export async function makeEarlierPackages(context, { packages, target, arch, names }) {
  await mkdir(target, { recursive: true });
  const files = await readdir(packages);
  for (const name of names) {
    const file =
      files.find((one) => one.startsWith(`${name}_`) && one.endsWith(`_${arch}.deb`)) ?? `${name}_*_${arch}.deb`;
    const tree = join(target, name);
    await runTool(context, "dpkg-deb", ["--raw-extract", join(packages, file), tree]);
    const control = join(tree, "DEBIAN/control");
    await writeFile(control, earlierControl(await readFile(control, "utf8")));
    const settings = await readdir(join(tree, "etc/mpo")).catch(() => []);
    for (const one of settings) await appendFile(join(tree, "etc/mpo", one), OTHER_SETTINGS);
    const built = join(target, file.replace(/_([^_]*)_/u, `_$1${EARLIER}_`));
    await runTool(context, "dpkg-deb", ["--root-owner-group", "-Zgzip", "-z1", "--build", tree, built]);
    await rm(tree, { recursive: true });
  }
}

/**
 * @param {string} text a package's control file
 * @returns {string} the same of an earlier version, in what it says of the others too
 */
export function earlierControl(text) {
  const version = /^Version: (.*)$/mu.exec(text)?.[1] ?? "";
  return text.replaceAll(version, `${version}${EARLIER}`);
}
