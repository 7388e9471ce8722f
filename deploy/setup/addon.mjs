/**
 * tfjs-node's addon (the piece of C++ between Node and TensorFlow's C interface). It is compiled directly: it uses
 * nothing but Node-API, whose headers come from npm, so that neither node-gyp nor Node's headers have to be downloaded.
 * The built addon is kept in the cache and copied into the checkout's node_modules, beside a link to the library.
 */
import { createHash, randomUUID } from "node:crypto";
import { copyFile, lstat, mkdir, readdir, readFile, readlink, rename, rm, symlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { ensureArtefact, writeAtomically } from "./cache.mjs";
import { failureKind, findProgram, lastLines, runChild } from "./child.mjs";
import { diskFull, SetupFailure } from "./say.mjs";
import { isKnownRelease, KNOWN_RELEASES } from "./tensorflow-library.mjs";

/** @typedef {import("./cache.mjs").SetupContext} SetupContext */
/**
 * @typedef {object} TensorflowLibrary
 * @property {string} libFolder
 * @property {string} includeFolder
 * @property {string} wheelSha256
 * @property {string} [ownVersion] TensorFlow's version, when it comes from the user's own wheel
 */

const SOURCES = ["tfjs_backend.cc", "tfjs_binding.cc"];
const COMPILER_FLAGS = ["-shared", "-fPIC", "-std=c++17", "-O2", "-DNAPI_VERSION=8", "-DBUILDING_NODE_EXTENSION"];
/** Where the addon in node_modules looks for the library: relative, so that the checkout and the cache may move. */
const RUN_TIME_PATH = "-Wl,-rpath,$ORIGIN/../../deps/lib";
const ADDON_FILE = "tfjs_binding.node";
/** Written when the addon passed its check, so that the next run does not use one that failed. */
const CHECK_NOTE = "node_modules/@tensorflow/tfjs-node/lib/mpo-checked";

/**
 * Makes sure that the checkout's tfjs-node has its addon and its library.
 * @param {SetupContext} context
 * @param {TensorflowLibrary} library
 * @returns {Promise<{ fresh: boolean, checked: boolean }>} fresh: something was built or put in place; checked: what
 *   lies there passed `checkAddon` before, under this Node
 */
export async function ensureAddon(context, library) {
  const tfjsNode = join(context.root, "node_modules/@tensorflow/tfjs-node");
  const headers = join(context.root, "node_modules/node-api-headers/include");
  const key = await addonKey(tfjsNode, headers, library.wheelSha256);
  const { folder, fresh } = await ensureArtefact(context, {
    name: `tfjs-addon/${key}`,
    label: "TensorFlow's addon for Node",
    roomBytes: 5e6,
    build: async (staging) => {
      await compileAddon(context, { tfjsNode, headers, library, target: join(staging, ADDON_FILE) });
      return { wheelSha256: library.wheelSha256 };
    },
  });
  const placedAddon = await placeCopy(
    join(folder, ADDON_FILE),
    join(tfjsNode, "lib", await napiFolder(tfjsNode), ADDON_FILE),
  );
  const placedLibrary = await placeLink(library.libFolder, join(tfjsNode, "deps/lib"));
  const placed = fresh || placedAddon || placedLibrary;
  const note = await readFile(join(context.root, CHECK_NOTE), "utf8").catch(() => "");
  return { fresh: placed, checked: !placed && note === process.version };
}

/**
 * @param {string} tfjsNode
 * @param {string} headers
 * @param {string} wheelSha256
 * @returns {Promise<string>} names everything the built addon depends on
 */
async function addonKey(tfjsNode, headers, wheelSha256) {
  const hash = createHash("sha256").update([process.platform, process.arch, wheelSha256, ...COMPILER_FLAGS].join(" "));
  for (const folder of [join(tfjsNode, "binding"), headers]) {
    for (const name of (await readdir(folder)).sort())
      hash.update(`\n${name}\n`).update(await readFile(join(folder, name)));
  }
  return hash.digest("hex");
}

/**
 * The folder in which tfjs-node looks for its addon under this Node.
 * @param {string} tfjsNode
 * @returns {Promise<string>}
 */
async function napiFolder(tfjsNode) {
  /** @type {{ binary: { napi_versions: number[] } }} */
  const manifest = JSON.parse(await readFile(join(tfjsNode, "package.json"), "utf8"));
  const supported = manifest.binary.napi_versions.filter((version) => version <= Number(process.versions.napi));
  return `napi-v${Math.max(...supported)}`;
}

/**
 * Compiles the addon with the compiler that `env.CXX` names, which may be one for another machine.
 * @param {SetupContext} context
 * @param {{ tfjsNode: string, headers: string, library: TensorflowLibrary, target: string }} what
 */
export async function compileAddon({ cache, env, say, signal }, { tfjsNode, headers, library, target }) {
  const compiler = await findCompiler(env);
  say.work(`compiling TensorFlow's addon for Node with ${compiler} (10 to 60 s)`);
  const binding = join(tfjsNode, "binding");
  const result = await runChild(
    compiler,
    [
      ...COMPILER_FLAGS,
      // Its messages name the source's file: the same one wherever it is built.
      `-ffile-prefix-map=${binding}=binding`,
      ...[`-I${headers}`, `-I${library.includeFolder}`],
      ...SOURCES.map((name) => join(binding, name)),
      join(library.libFolder, "libtensorflow_cc.so.2"),
      join(library.libFolder, "libtensorflow_framework.so.2"),
      ...[RUN_TIME_PATH, "-o", target],
    ],
    // The compiler's own temporary files go where the room was checked.
    { env: { ...env, TMPDIR: dirname(target) }, signal },
  );
  if (result.code === 0) return;
  if (failureKind(result.stderr) === "disk-full") throw diskFull(cache);
  const said = `Its last output:\n${lastLines(result.stderr)}`;
  if (library.ownVersion !== undefined && !isKnownRelease(library.ownVersion)) {
    throw new SetupFailure(
      `the addon cannot be built for TensorFlow ${library.ownVersion}, which MPO_TENSORFLOW_WHEEL names, with ${compiler}. ${said}`,
      `name a wheel of ${KNOWN_RELEASES}, or unset MPO_TENSORFLOW_WHEEL to use the one from PyPI.`,
    );
  }
  throw new SetupFailure(
    `${compiler} could not build TensorFlow's addon. ${said}`,
    "a compiler with C++17 and its standard library is needed (Debian, Ubuntu: `sudo apt-get install g++`); name another one in CXX.",
  );
}

/**
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<string>}
 * @throws {SetupFailure} when there is none
 */
export async function findCompiler(env) {
  if (env.CXX) {
    const own = await findProgram(env.CXX, env);
    if (own !== undefined) return own;
    throw new SetupFailure(
      `no C++ compiler: CXX names ${env.CXX}, which is not an executable program.`,
      "point CXX at a compiler (one program, no arguments), or unset it to use c++, g++ or clang++.",
    );
  }
  for (const name of ["c++", "g++", "clang++"]) {
    const found = await findProgram(name, env);
    if (found !== undefined) return found;
  }
  throw new SetupFailure(
    "no C++ compiler found (tried c++, g++, clang++); it builds TensorFlow's addon for Node.",
    "install one (Debian, Ubuntu: `sudo apt-get install g++`; Fedora: `sudo dnf install gcc-c++`), or name it in CXX.",
  );
}

/**
 * Copies a file into place unless the same content is there.
 * @param {string} source
 * @param {string} target
 * @returns {Promise<boolean>} whether anything changed
 */
async function placeCopy(source, target) {
  const present = await readFile(target).catch(() => undefined);
  if (present?.equals(await readFile(source))) return false;
  await mkdir(dirname(target), { recursive: true });
  const temporary = `${target}.${randomUUID()}`;
  await copyFile(source, temporary);
  await rename(temporary, target);
  return true;
}

/**
 * Makes a link unless it is there.
 * @param {string} source what the link should point at
 * @param {string} target the link
 * @returns {Promise<boolean>} whether anything changed
 */
async function placeLink(source, target) {
  if ((await readlink(target).catch(() => undefined)) === source) return false;
  await mkdir(dirname(target), { recursive: true });
  // A real folder (left by tfjs-node's own installer) cannot be replaced by a rename.
  if ((await lstat(target).catch(() => undefined))?.isDirectory()) await rm(target, { recursive: true, force: true });
  const temporary = `${target}.${randomUUID()}`;
  await symlink(source, temporary);
  await rename(temporary, target);
  return true;
}

const CHECK = `
try {
  const tf = require("@tensorflow/tfjs-node");
  const product = tf.tidy(() => tf.matMul(tf.tensor2d([[1, 2], [3, 4]]), tf.tensor2d([[5], [6]])).dataSync());
  if (product[0] !== 17 || product[1] !== 39) throw new Error("TensorFlow computed " + product + " for 17,39");
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
`;

/**
 * Loads the addon in a Node of its own and runs one operation.
 * @param {SetupContext} context
 * @throws {SetupFailure} when it cannot be loaded or computes wrongly
 */
export async function checkAddon({ root, env, say, signal }) {
  say.work("checking TensorFlow: one matrix product");
  await rm(join(root, CHECK_NOTE), { force: true });
  const result = await runChild(process.execPath, ["--eval", CHECK], {
    cwd: root,
    env: { ...env, TF_CPP_MIN_LOG_LEVEL: "3", NODE_OPTIONS: "" },
    signal,
  });
  if (result.code === 0) {
    await writeAtomically(join(root, CHECK_NOTE), process.version);
    return;
  }
  const { glibcVersionRuntime } = /** @type {{ header: { glibcVersionRuntime?: string } }} */ (
    process.report.getReport()
  ).header;
  if (glibcVersionRuntime === undefined) {
    throw new SetupFailure(
      "TensorFlow's library needs glibc, and this system's C library is another one (musl?).",
      "use a glibc-based Linux (Debian, Ubuntu, Fedora), also as the base of a container.",
    );
  }
  if (result.signalName === "SIGILL") {
    throw new SetupFailure(
      "this machine's processor lacks instructions that TensorFlow's library was built with (illegal instruction).",
      "use a processor with AVX, or name a wheel built for this one in MPO_TENSORFLOW_WHEEL.",
    );
  }
  throw new SetupFailure(
    `TensorFlow's addon does not work here (${result.signalName ?? `exit code ${result.code}`}):\n${lastLines(result.stderr)}`,
    `run again with --verify, which checks every file of the cache; when MPO_TENSORFLOW_WHEEL is set, check that it is a wheel of ${KNOWN_RELEASES} for this machine.`,
  );
}
