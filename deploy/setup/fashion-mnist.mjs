/**
 * The data set Fashion-MNIST, from Debian's and Ubuntu's package `dataset-fashion-mnist` (no root needed, the system's
 * package lists are left alone), or from a folder that the user names. In the cache lie the four IDX files, gzipped.
 */
import { createHash } from "node:crypto";
import { copyFile, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { ensureArtefact, exists } from "./cache.mjs";
import { findProgram, runChild } from "./child.mjs";
import { fetchFailure, requireHash } from "./fetched-data.mjs";
import { SetupFailure } from "./say.mjs";

/** @typedef {import("./cache.mjs").SetupContext} SetupContext */

/** SHA-256 of each file's content before gzip, so that any way of packing it will do. */
export const FASHION_MNIST_FILES = {
  "train-images-idx3-ubyte": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
  "train-labels-idx1-ubyte": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
  "t10k-images-idx3-ubyte": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
  "t10k-labels-idx1-ubyte": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
};

const PACKAGE = "dataset-fashion-mnist";
export const INSTALLED_FOLDER = "usr/share/datasets/fashion-mnist";
const BY_HAND =
  "bring the four IDX files (train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte, t10k-labels-idx1-ubyte, plain or .gz, from github.com/zalandoresearch/fashion-mnist) and name their folder in MPO_FASHION_MNIST; a host that needs no data sets itself up with `npm run setup -- --skip-data`.";

/**
 * Makes sure that the data set lies in the cache.
 * @param {SetupContext} context `env.MPO_FASHION_MNIST` names a folder with the files
 * @param {{ files?: Readonly<Record<string, string>>, systemRoot?: string }} [options] the files with their hashes, and
 *   where an installed package is looked for
 * @returns {Promise<{ folder: string, fresh: boolean }>}
 */
export async function ensureFashionMnist(context, { files = FASHION_MNIST_FILES, systemRoot = "/" } = {}) {
  const { env, say } = context;
  const { folder, fresh } = await ensureArtefact(context, {
    name: "fashion-mnist",
    label: "the data set Fashion-MNIST",
    roomBytes: 150e6,
    build: async (staging) => {
      const installed = join(systemRoot, INSTALLED_FOLDER);
      if (env.MPO_FASHION_MNIST) {
        await takeFiles(resolve(env.MPO_FASHION_MNIST), staging, files);
      } else if (await exists(installed)) {
        await takeFiles(installed, staging, files);
      } else {
        const download = join(staging, "download");
        await takeFiles(await downloadPackage(context, download), staging, files);
        await rm(download, { recursive: true, force: true });
      }
      return {};
    },
  });
  if (fresh) say.work("the data set Fashion-MNIST is in place");
  return { folder, fresh };
}

/**
 * Copies the files, gzipped, each checked by the hash of its content.
 * @param {string} source
 * @param {string} target
 * @param {Readonly<Record<string, string>>} files
 */
async function takeFiles(source, target, files) {
  for (const [name, sha256] of Object.entries(files)) {
    const packed = join(source, `${name}.gz`);
    const plain = join(source, name);
    const isPacked = await exists(packed);
    if (!isPacked && !(await exists(plain))) {
      throw new SetupFailure(`${source} holds no ${name}.gz (nor ${name}) of Fashion-MNIST.`, BY_HAND);
    }
    const content = isPacked ? unpackGzip(await readFile(packed), packed) : await readFile(plain);
    const found = createHash("sha256").update(content).digest("hex");
    requireHash(`Fashion-MNIST's ${name} in ${isPacked ? packed : plain}`, found, sha256, BY_HAND);
    if (isPacked) await copyFile(packed, join(target, `${name}.gz`));
    else await writeFile(join(target, `${name}.gz`), gzipSync(content));
  }
}

/**
 * @param {Uint8Array} packed
 * @param {string} path
 * @returns {Uint8Array}
 */
function unpackGzip(packed, path) {
  try {
    return gunzipSync(packed);
  } catch (error) {
    throw new SetupFailure(`${path} is not a whole gzip file.`, `download the file again, or ${BY_HAND}`, {
      cause: error,
    });
  }
}

/**
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<{ apt: string, dpkg: string }>}
 * @throws {SetupFailure} when one of the two is missing
 */
export async function findApt(env) {
  const apt = await findProgram("apt-get", env);
  const dpkg = await findProgram("dpkg-deb", env);
  if (apt !== undefined && dpkg !== undefined) return { apt, dpkg };
  throw new SetupFailure(
    `the data set Fashion-MNIST comes from Debian's package ${PACKAGE}, and this system has no ${apt ? "dpkg-deb" : "apt-get"}.`,
    BY_HAND,
  );
}

/**
 * @param {SetupContext} context
 * @param {string} folder made here
 * @returns {Promise<string>} the folder with the four files
 */
async function downloadPackage({ cache, env, say, signal }, folder) {
  const fetched = { program: "apt-get", server: "the package server", name: PACKAGE, byHand: BY_HAND };
  const { apt, dpkg } = await findApt(env);
  say.work(`downloading the data set Fashion-MNIST (31 MB, package ${PACKAGE}) with apt-get`);
  await mkdir(folder, { recursive: true });
  const options = { env: { ...env, LC_ALL: "C" }, cwd: folder, signal };
  const sandbox = process.getuid?.() === 0 ? ["-o", "APT::Sandbox::User=root"] : [];
  const fromSystemLists = await runChild(apt, [...sandbox, "download", PACKAGE], options);
  if (fromSystemLists.code !== 0) {
    const lists = [...sandbox, ...(await privateLists(folder))];
    say.work("asking for fresh package lists (kept apart from the system's)");
    const update = await runChild(apt, [...lists, "update"], options);
    const result = await runChild(apt, [...lists, "download", PACKAGE], options);
    if (result.code !== 0) throw fetchFailure(fetched, `${update.stderr}\n${result.stderr}`, cache);
  }
  const name = (await readdir(folder)).find((entry) => entry.endsWith(".deb"));
  if (name === undefined) throw fetchFailure(fetched, "apt-get left no package", cache);
  const unpacked = join(folder, "unpacked");
  const result = await runChild(dpkg, ["--extract", join(folder, name), unpacked], options);
  if (result.code !== 0) throw fetchFailure(fetched, result.stderr, cache);
  return join(unpacked, INSTALLED_FOLDER);
}

/**
 * @param {string} folder
 * @returns {Promise<string[]>} options that make apt keep lists and archives below the folder
 */
async function privateLists(folder) {
  const state = join(folder, "apt-state");
  const cache = join(folder, "apt-cache");
  await mkdir(join(state, "lists/partial"), { recursive: true });
  await mkdir(join(cache, "archives/partial"), { recursive: true });
  const settings = [
    `Dir::State=${state}`,
    `Dir::Cache=${cache}`,
    "Dir::State::status=/var/lib/dpkg/status",
    "Acquire::Languages=none",
  ];
  return settings.flatMap((setting) => ["-o", setting]);
}
