/**
 * Builds a release into `dist-release/`: the npm package, the Debian packages of each machine, lists of contents,
 * checksums. Two builds of one commit are the same to the last byte.
 *
 * usage: npm run release -- [--arch amd64,arm64] [--out FOLDER] [--only npm,debian,images]
 */
import { mkdir, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { cacheRoot } from "../setup/cache.mjs";
import { ensureNpmPackages } from "../setup/npm-packages.mjs";
import { createSay, failureMessage, SetupFailure } from "../setup/say.mjs";
import { sizes, writeChecksums, writeSbom } from "./contents.mjs";
import { buildDebianPackages } from "./debian-packages.mjs";
import { MACHINES, readFacts } from "./facts.mjs";
import { buildImages } from "./images.mjs";
import { buildNpmPackage } from "./npm-package.mjs";
import { requireTools, runTool } from "./tools.mjs";

/** @typedef {import("./facts.mjs").Machine} Machine */

const PARTS = ["npm", "debian", "images"];

/**
 * @param {readonly string[]} args
 * @returns {{ machines: Machine[], out: string, parts: string[] }}
 */
function readOptions(args) {
  const { values } = parseArgs({
    args: [...args],
    options: {
      arch: { type: "string", default: Object.keys(MACHINES).join(",") },
      out: { type: "string", default: "dist-release" },
      only: { type: "string", default: PARTS.join(",") },
    },
  });
  const machines = values.arch.split(",").map((name) => {
    const machine = Object.values(MACHINES).find(({ debian }) => debian === name);
    if (machine !== undefined) return machine;
    throw new SetupFailure(`--arch ${name} is not known.`, `choose from ${Object.keys(MACHINES).join(", ")}.`);
  });
  const parts = values.only.split(",");
  const unknown = parts.find((part) => !PARTS.includes(part));
  // An image is made of the Debian packages.
  if (parts.includes("images") && !parts.includes("debian")) parts.unshift("debian");
  if (unknown === undefined) return { machines, out: resolve(values.out), parts };
  throw new SetupFailure(`--only ${unknown} is not known.`, `choose from ${PARTS.join(", ")}.`);
}

/**
 * @param {import("../setup/cache.mjs").SetupContext} context
 * @param {ReturnType<typeof readOptions>} options
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

const started = Date.now();
const abort = new AbortController();
const stop = () => abort.abort();
process.once("SIGINT", stop).once("SIGTERM", stop);
const { env } = process;
try {
  const root = fileURLToPath(new URL("../..", import.meta.url)).replace(/\/$/u, "");
  const say = createSay({ quiet: false, stream: process.stdout, name: "release" });
  const context = { root, cache: cacheRoot(env), env, verify: false, say, signal: abort.signal };
  await release(context, readOptions(process.argv.slice(2)));
  say.work(`done in ${Math.round((Date.now() - started) / 1000)} s`);
} catch (error) {
  process.stderr.write(`${failureMessage(error, cacheRoot(env), "release")}\n`);
  process.exitCode = 1;
}
