/** What a release says about itself: lists of contents (CycloneDX), checksums, a signature. */
import { createHash } from "node:crypto";
import { readdir, readFile, stat, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { hashFile } from "../setup/cache.mjs";
import { NATS_VERSION } from "../setup/nats-server.mjs";
import { PINNED_WHEELS } from "../setup/tensorflow-library.mjs";
import { NODE } from "./node-program.mjs";
import { ensureNpmTree } from "./npm-tree.mjs";
import { runTool } from "./tools.mjs";

/** @typedef {import("../setup/cache.mjs").SetupContext} SetupContext */
/** @typedef {import("./facts.mjs").Machine} Machine */
/** @typedef {import("./facts.mjs").ReleaseFacts} ReleaseFacts */
/** @typedef {Record<string, unknown> & { "bom-ref": string, purl?: string }} Component */
/**
 * @typedef {object} Bom
 * @property {string} serialNumber
 * @property {{ timestamp: string, component: Component }} metadata
 * @property {Component[]} components
 * @property {{ ref: string, dependsOn?: string[] }[]} dependencies
 */

const CHECKSUMS = "SHA256SUMS";

/**
 * Writes the list of everything that the packages of one machine hold: npm's packages as npm lists them, and what came from
 * elsewhere.
 * @param {SetupContext} context
 * @param {ReleaseFacts} facts
 * @param {Machine} machine
 * @param {string} out
 */
export async function writeSbom(context, facts, machine, out) {
  /** @type {Bom[]} */
  const boms = [];
  for (const kind of /** @type {const} */ (["app", "engine"])) {
    boms.push(JSON.parse(await readFile((await ensureNpmTree(context, kind, machine)).sbom, "utf8")));
  }
  const name = `mpo_${facts.version}_${machine.debian}`;
  const merged = mergeBoms(boms, natives(machine), { ...facts, name });
  await writeFile(join(out, `${name}.cdx.json`), `${JSON.stringify(merged, undefined, 1)}\n`);
}

/**
 * @param {readonly Bom[]} boms each of one npm tree, whose root is the product
 * @param {readonly Component[]} more
 * @param {{ version: string, epoch: number, name: string }} facts
 * @returns {Bom}
 */
export function mergeBoms(boms, more, { version, epoch, name }) {
  const [first] = boms;
  if (first === undefined) throw new TypeError("there is no list to begin with");
  const all = [...boms.flatMap(({ components }) => components), ...more];
  const components = [...new Map(all.map((one) => [one["bom-ref"], one])).values()];
  const root = first.metadata.component["bom-ref"];
  /** @type {Map<string, Set<string>>} */
  const edges = new Map([[root, new Set(more.map((one) => one["bom-ref"]))]]);
  for (const { ref, dependsOn = [] } of boms.flatMap(({ dependencies }) => dependencies)) {
    edges.set(ref, new Set([...(edges.get(ref) ?? []), ...dependsOn]));
  }
  const component = { ...first.metadata.component, name: "mpoptimizer", version };
  const id = createHash("sha256")
    .update(JSON.stringify([name, components]))
    .digest("hex");
  return {
    ...first,
    // Of the contents instead of at random, so that two builds are the same.
    serialNumber: `urn:uuid:${id.slice(0, 8)}-${id.slice(8, 12)}-5${id.slice(13, 16)}-8${id.slice(17, 20)}-${id.slice(20, 32)}`,
    metadata: { ...first.metadata, timestamp: new Date(epoch * 1000).toISOString(), component },
    components,
    dependencies: [...edges].map(([ref, dependsOn]) => ({ ref, dependsOn: [...dependsOn] })),
  };
}

/**
 * @param {Machine} machine
 * @returns {Component[]}
 */
function natives(machine) {
  const wheel = PINNED_WHEELS[machine.platform];
  const [wheelName = "", wheelVersion = ""] = wheel?.requirement.split("==") ?? [];
  const nats = `github.com/nats-io/nats-server/v2`;
  return [
    component(
      "application",
      "node",
      NODE.version,
      `pkg:npm/node-linux-${machine.node}@${NODE.version}`,
      NODE.sha256[machine.node],
    ),
    component("library", wheelName, wheelVersion, `pkg:pypi/${wheelName}@${wheelVersion}`, wheel?.sha256),
    component("application", "nats-server", NATS_VERSION, `pkg:golang/${nats}@v${NATS_VERSION}`, undefined),
  ];
}

/**
 * @param {"application" | "library"} type
 * @param {string} name
 * @param {string} version
 * @param {string} purl
 * @param {string | undefined} sha256 of the package that it was taken from
 * @returns {Component}
 */
function component(type, name, version, purl, sha256) {
  const hashes = sha256 === undefined ? {} : { hashes: [{ alg: "SHA-256", content: sha256 }] };
  return { "bom-ref": purl, type, name, version, purl, ...hashes };
}

/**
 * Writes the checksums of all files, and signs them where there is a key.
 * @param {SetupContext} context `env.MPO_RELEASE_KEY` names gpg's key
 * @param {string} out
 * @returns {Promise<boolean>} whether they are signed
 */
export async function writeChecksums(context, out) {
  const names = (await readdir(out)).filter((name) => !name.startsWith(CHECKSUMS)).sort();
  let text = "";
  for (const name of names) text += `${await hashFile(join(out, name), context.signal)}  ${name}\n`;
  const file = join(out, CHECKSUMS);
  await writeFile(file, text);
  const key = context.env.MPO_RELEASE_KEY;
  if (!key) return false;
  const sign = ["--batch", "--yes", "--armor", "--detach-sign", `--local-user=${key}`, `--output=${file}.asc`, file];
  await runTool(context, "gpg", sign);
  return true;
}

/**
 * @param {string} out
 * @returns {Promise<string[]>} a line a file: its size and name
 */
export async function sizes(out) {
  const names = (await readdir(out)).sort();
  const files = await Promise.all(names.map(async (name) => ({ name, size: (await stat(join(out, name))).size })));
  return files.map(({ name, size }) => `${(size / 1e6).toFixed(1).padStart(8)} MB  ${basename(name)}`);
}
