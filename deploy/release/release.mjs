/**
 * Builds a release into `dist-release/`: the npm package, the Debian packages of each machine, lists of contents,
 * checksums. Two builds of one commit are the same to the last byte.
 */
import { mkdir, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { ensureNpmPackages } from "../setup/npm-packages.mjs";
import { chosen, runScript } from "../setup/script.mjs";
import { sizes, writeChecksums, writeSbom } from "./contents.mjs";
import { buildDebianPackages } from "./debian-packages.mjs";
import { MACHINES, readFacts } from "./facts.mjs";
import { buildImages } from "./images.mjs";
import { buildNpmPackage } from "./npm-package.mjs";
import { requireTools, runTool } from "./tools.mjs";

/** @typedef {import("./facts.mjs").Machine} Machine */

const PARTS = /** @type {const} */ ({ npm: "npm", debian: "debian", images: "images" });
const USAGE = `usage: npm run release -- [--arch amd64,arm64] [--out FOLDER] [--only npm,debian,images]

Builds a release: the npm package, Debian packages, container images, lists of contents (CycloneDX) and checksums.

  --arch LIST   for these machines (default: ${Object.keys(MACHINES).join(",")})
  --out FOLDER  where it goes; what is there is removed (default: dist-release)
  --only LIST   these parts (default: ${Object.keys(PARTS).join(",")}); images are made of the Debian packages
  --help        print this

environment:
  MPO_RELEASE_KEY  the key with which gpg signs the checksums (default: they are not signed)
  MPO_CACHE        the cache folder`;

/**
 * @param {import("../setup/cache.mjs").SetupContext} context
 * @param {{ machines: readonly Machine[], out: string, parts: readonly string[] }} options
 */
async function release(context, { machines, out, parts }) {
  const { root, say } = context;
  const facts = await readFacts(context);
  say.work(`release ${facts.version} of commit ${facts.commit}`);
  await requireTools(context, neededTools(machines, parts));
  await ensureNpmPackages(context);
  await runTool(context, process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "-b"], { cwd: root });
  await runTool(context, process.execPath, [join(root, "packages/console/bundle.mjs")], { cwd: root });
  await rm(out, { recursive: true, force: true });
  await mkdir(out, { recursive: true });
  const work = join(context.cache, "tmp", `release-${process.pid}`);
  try {
    await mkdir(work, { recursive: true });
    if (parts.includes("npm")) await buildNpmPackage(context, facts, machines, { work, out });
    for (const machine of machines) {
      if (parts.includes("debian")) await buildDebianPackages(context, facts, machine, { work, out });
      if (parts.includes("images")) await buildImages(context, facts, machine, { work, out });
      await writeSbom(context, facts, machine, out);
    }
    const isSigned = await writeChecksums(context, out);
    for (const line of await sizes(out)) say.work(line);
    if (!isSigned) say.work("not signed: name a key of gpg's in MPO_RELEASE_KEY to sign SHA256SUMS");
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/**
 * @param {readonly Machine[]} machines
 * @param {readonly string[]} parts
 * @returns {Record<string, string>} Debian's packages, by program
 */
function neededTools(machines, parts) {
  /** @type {Record<string, string>} */
  const tools = { tar: "tar" };
  if (!parts.includes("debian")) return tools;
  if (parts.includes("images")) Object.assign(tools, { buildah: "buildah", mmdebstrap: "mmdebstrap" });
  tools["dpkg-deb"] = "dpkg";
  for (const { tools: prefix } of machines) {
    tools[`${prefix}-g++`] = `g++-${prefix.replaceAll("_", "-")}`;
    tools[`${prefix}-strip`] = `binutils-${prefix.replaceAll("_", "-")}`;
  }
  return tools;
}

const OPTIONS = /** @type {const} */ ({ arch: { type: "string" }, out: { type: "string" }, only: { type: "string" } });
await runScript(
  { name: "release", usage: USAGE, options: OPTIONS },
  async (context, { arch, out = "dist-release", only }) => {
    const started = Date.now();
    const machines = listed("--arch", arch, MACHINES);
    const parts = listed("--only", only, PARTS);
    // An image is made of the Debian packages.
    if (parts.includes("images") && !parts.includes("debian")) parts.unshift("debian");
    await release(context, { machines, out: resolve(out), parts });
    context.say.work(`done in ${Math.round((Date.now() - started) / 1000)} s`);
  },
);

/**
 * @template Value
 * @param {string} option
 * @param {string | undefined} names absent: all
 * @param {Readonly<Record<string, Value>>} known
 */
function listed(option, names, known) {
  return names === undefined ? Object.values(known) : names.split(",").map((name) => chosen(option, name, known));
}
