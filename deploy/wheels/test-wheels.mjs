/**
 * Tries the engine with other releases of TensorFlow than the pinned one: for each it downloads the wheel, builds the addon
 * against it in a copy of this checkout, and runs the engine's tests of gradients, memory and sessions there. The
 * checkout and its cache stay as they are.
 */
import { cp, mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { cacheRoot } from "../setup/cache.mjs";
import { lastLines, runChild } from "../setup/child.mjs";
import { runScript } from "../setup/script.mjs";
import { findPip } from "../setup/tensorflow-library.mjs";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
/** The last of each release line since 2.15. On arm64 the wheels of 2.15 have a name of their own. */
const RELEASES = ["2.15.1", "2.16.2", "2.17.1", "2.18.1", "2.19.1", "2.20.0", "2.21.0"];
const USAGE = `usage: npm run test:wheels -- [--all | --only NAME]... [VERSION | WHEEL-FILE]...

Builds the addon against other releases of TensorFlow, and runs the engine's tests with each (default: ${RELEASES.join(", ")}).

  --all        all tests of the engine, instead of gradients, memory, sessions and windows
  --only NAME  those with this in their file's name; may be repeated
  --help       print this`;
const OPTIONS = /** @type {const} */ ({
  all: { type: "boolean", default: false },
  only: { type: "string", multiple: true },
});
const PLATFORMS = {
  x64: { names: () => "tensorflow-cpu", tag: "x86_64" },
  arm64: {
    names: (/** @type {string} */ version) => (version.startsWith("2.15.") ? "tensorflow-cpu-aws" : "tensorflow"),
    tag: "aarch64",
  },
};
const MANYLINUX = ["manylinux2014", "manylinux_2_17", "manylinux_2_27", "manylinux_2_28"];

/** What stands on the library's own behaviour: gradients, peaks and caps of memory, sessions, whole windows. */
const TESTS = [
  "ops/op-gradients.slow",
  "compiler/model-gradients.slow",
  "compiler/config-equivalence.slow",
  "probe/pool-cap.slow",
  "worker/worker-memory.slow",
  "worker/planned-memory.slow",
  "worker/worker-state.slow",
  "worker/engine-worker.slow",
  "window/train-rung.slow",
];

/**
 * @typedef {object} Result
 * @property {string} wheel
 * @property {number} seconds
 * @property {number} passed
 * @property {readonly string[]} failed names of tests, or why there were none
 */

/** @param {string} path */
async function testsBelow(path) {
  const names = await readdir(path, { recursive: true });
  return names.filter((name) => name.endsWith(".test.js")).sort();
}

/**
 * @param {string} version
 * @param {string} folder
 * @returns {Promise<string>} the wheel's path
 */
async function download(version, folder) {
  const platform = PLATFORMS[/** @type {keyof typeof PLATFORMS} */ (process.arch)];
  if (platform === undefined) throw new Error(`no wheels are known for ${process.arch}: name a file`);
  const pip = await findPip(process.env);
  const target = ["--python-version=3.11", "--implementation=cp", "--abi=cp311", "--only-binary=:all:", "--no-deps"];
  const { code, stderr } = await runChild(
    pip.command,
    [
      ...[...pip.args, "download", ...target, ...MANYLINUX.map((each) => `--platform=${each}_${platform.tag}`)],
      ...[`--dest=${folder}`, "--no-cache-dir", "--no-input", "--disable-pip-version-check", "--progress-bar=off"],
      `${platform.names(version)}==${version}`,
    ],
    { env: process.env },
  );
  const wheel = (await readdir(folder)).find((name) => name.endsWith(".whl"));
  if (code !== 0 || wheel === undefined) throw new Error(`pip could not get it: ${lastLines(stderr, 3)}`);
  return join(folder, wheel);
}

/**
 * A copy of the checkout with what was built of it. Files of node_modules are the same ones where the disk allows: the
 * set-up puts others in their place, and changes none.
 * @param {string} room
 */
async function copyCheckout(room) {
  for (const entry of await readdir(ROOT)) {
    if (entry.startsWith(".git") || entry === "node_modules") continue;
    await cp(join(ROOT, entry), join(room, entry), { recursive: true, verbatimSymlinks: true });
  }
  const modules = [join(ROOT, "node_modules"), join(room, "node_modules")];
  const linked = await runChild("cp", ["--archive", "--link", ...modules], { env: process.env });
  if (linked.code === 0) return;
  await rm(join(room, "node_modules"), { recursive: true, force: true });
  const copied = await runChild("cp", ["--archive", ...modules], { env: process.env });
  if (copied.code !== 0) throw new Error(`node_modules could not be copied: ${copied.stderr}`);
}

/**
 * @param {string} wanted a version, or a wheel's file
 * @param {boolean} isAll all tests of the engine
 * @param {readonly string[]} only parts of names of test files; none: all of those that are run
 * @returns {Promise<Result>}
 */
async function tryWheel(wanted, isAll, only) {
  const began = performance.now();
  const cache = cacheRoot(process.env);
  await mkdir(join(cache, "tmp"), { recursive: true });
  const room = await mkdtemp(join(cache, "tmp", "wheels@"));
  const own = await mkdtemp(join(tmpdir(), "mpo-wheels-"));
  /** @param {number} passed @param {readonly string[]} failed @param {string} wheel */
  const result = (passed, failed, wheel) => ({
    ...{ wheel: basename(wheel), passed, failed },
    seconds: (performance.now() - began) / 1000,
  });
  try {
    const wheel = wanted.endsWith(".whl") ? resolve(wanted) : await download(wanted, own);
    await copyCheckout(room);
    // The library takes 660 MB, once for each wheel: in a cache that goes with the room.
    const env = { ...process.env, MPO_TENSORFLOW_WHEEL: wheel, MPO_CACHE: join(room, "cache") };
    const setup = await runChild(process.execPath, ["deploy/setup/setup.mjs", "--quiet", "--skip-data"], {
      cwd: room,
      env,
    });
    if (setup.code !== 0) return result(0, [`the set-up failed: ${lastLines(setup.stderr, 6)}`], wheel);
    const built = join(room, "packages/engine/dist");
    const all = isAll ? await testsBelow(built) : TESTS.map((name) => `${name}.test.js`);
    const files = all.filter((name) => only.length === 0 || only.some((part) => name.includes(part)));
    const options = [
      "--enable-source-maps",
      "--test",
      "--test-concurrency=1",
      "--test-reporter=tap",
      "--test-timeout=900000",
    ];
    /** @type {string[]} */
    const failed = [];
    let passed = 0;
    const run = await runChild(process.execPath, [...options, ...files.map((name) => join(built, name))], {
      ...{ cwd: room, env },
      onLine: (line) => {
        const [, isNot, name = ""] = /^ *(not )?ok \d+ - (.*)$/u.exec(line) ?? [];
        if (isNot !== undefined) failed.push(name);
        const [, count] = /^# pass (\d+)$/u.exec(line) ?? [];
        passed = Number(count ?? passed);
      },
    });
    if (run.code !== 0 && failed.length === 0) failed.push(lastLines(run.stderr || run.stdout, 6));
    return result(passed, [...new Set(failed)], wheel);
  } catch (error) {
    return result(0, [/** @type {Error} */ (error).message], wanted);
  } finally {
    await rm(room, { recursive: true, force: true });
    await rm(own, { recursive: true, force: true });
  }
}

await runScript(
  { name: "wheels", usage: USAGE, options: OPTIONS, takesNames: true },
  async ({ say }, { all, only = [] }, names) => {
    for (const wanted of names.length > 0 ? names : RELEASES) {
      const { wheel, seconds, passed, failed } = await tryWheel(wanted, all, only);
      const outcome =
        failed.length === 0 ? `${passed} tests pass` : `${passed} tests pass, FAILED: ${failed.join("; ")}`;
      say.work(`${basename(wanted)} (${wheel}): ${outcome} (${Math.round(seconds)} s)`);
      if (failed.length > 0) process.exitCode = 1;
    }
  },
);
