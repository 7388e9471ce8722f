/** One Debian package from a folder of files and the folder of its control files in `deploy/packages`. */
import { createHash } from "node:crypto";
import { chmod, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { filesBelow } from "../setup/cache.mjs";
import { runTool } from "./tools.mjs";
import { normalise } from "./trees.mjs";

/** @typedef {import("../setup/cache.mjs").SetupContext} SetupContext */
/** @typedef {import("./facts.mjs").ReleaseFacts} ReleaseFacts */

const SCRIPTS = ["preinst", "postinst", "prerm", "postrm"];
/**
 * Of TensorFlow's library (565 MB before its symbols for debuggers are taken off), in 23 s of two cores: 97 MB. dpkg
 * unpacks it quickly, which a Raspberry Pi feels; level 15 takes 189 s for 1 MB less.
 */
const COMPRESSION = ["-Zzstd", "-z9"];

/**
 * @param {string} text a control file of `deploy/packages`
 * @param {{ version: string, architecture: string, installedBytes: number }} facts
 * @returns {string} the same with what only the build knows
 */
export function controlText(text, { version, architecture, installedBytes }) {
  const more = [
    `Version: ${version}`,
    `Architecture: ${architecture}`,
    `Installed-Size: ${Math.ceil(installedBytes / 1024)}`,
  ];
  const [first = "", ...rest] = text.replaceAll("@VERSION@", version).trimEnd().split("\n");
  return `${[first, ...more, ...rest].join("\n")}\n`;
}

/**
 * @param {SetupContext} context
 * @param {ReleaseFacts} facts
 * @param {{ name: string, architecture: string, tree: string, out: string }} what `tree` holds the files as they are
 *   installed; control files are added to it
 * @returns {Promise<string>} the package's file
 */
export async function buildDebianPackage(context, { version, epoch }, { name, architecture, tree, out }) {
  const source = join(context.root, "deploy/packages", name);
  const documents = join(tree, "usr/share/doc", name);
  await mkdir(documents, { recursive: true });
  await writeFile(join(documents, "copyright"), await readFile(join(context.root, "LICENSE")));
  const installedBytes = await normalise(tree, epoch);
  const files = await filesBelow(tree);
  const control = join(tree, "DEBIAN");
  await mkdir(control);
  const facts = { version, architecture, installedBytes };
  await writeFile(join(control, "control"), controlText(await readFile(join(source, "control"), "utf8"), facts));
  const configured = files.filter((path) => path.startsWith("etc/"));
  if (configured.length > 0) {
    await writeFile(join(control, "conffiles"), configured.map((path) => `/${path}\n`).join(""));
  }
  const sums = [];
  for (const path of files) {
    if (path.startsWith("etc/")) continue;
    // dpkg's own list, by which `dpkg --verify` finds damage; what is signed are the checksums of the release.
    const sum = createHash("md5")
      .update(await readFile(join(tree, path)))
      .digest("hex");
    sums.push(`${sum}  ${path}\n`);
  }
  await writeFile(join(control, "md5sums"), sums.join(""));
  const present = await readdir(source);
  for (const script of SCRIPTS.filter((one) => present.includes(one))) {
    await writeFile(join(control, script), await readFile(join(source, script)));
    await chmod(join(control, script), 0o755);
  }
  // Whatever the umask is: dpkg-deb takes no folder that others cannot read.
  await normalise(control, epoch);
  const file = join(out, `${name}_${version}_${architecture}.deb`);
  const env = { SOURCE_DATE_EPOCH: String(epoch) };
  await runTool(context, "dpkg-deb", ["--root-owner-group", ...COMPRESSION, "--build", tree, file], { env });
  return file;
}
