/**
 * The data set Fashion-MNIST, from Debian's and Ubuntu's package `dataset-fashion-mnist` (no root needed, the system's
 * package lists are left alone), or from a folder that the user names. In the cache lie the four IDX files, gzipped.
 */
import { createHash } from "node:crypto";
import { copyFile, readFile, rm, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { ensureArtefact, exists } from "./cache.mjs";
import { downloadPackage } from "./debian-package.mjs";
import { requireHash } from "./fetched-data.mjs";
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
/** Where it comes from, and what else helps. */
export const DEBIAN = { name: PACKAGE, label: "the data set Fashion-MNIST", byHand: BY_HAND };

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
        say.work(`downloading the data set Fashion-MNIST (31 MB, package ${PACKAGE}) with apt-get`);
        const unpacked = await downloadPackage(context, { ...DEBIAN, folder: download });
        await takeFiles(join(unpacked, INSTALLED_FOLDER), staging, files);
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
