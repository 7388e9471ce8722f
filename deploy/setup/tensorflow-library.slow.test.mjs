import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { test } from "node:test";
import { filesBelow, hashFile } from "./cache.mjs";
import { ensureTensorflowLibrary, isKnownRelease } from "./tensorflow-library.mjs";
import { contextIn, makeWheel, temporaryFolder, WHEEL_PARTS, writeProgram } from "./test-room.mjs";

const UNPACKED = [
  "include/tensorflow/c/c_api.h",
  "include/tensorflow/c/eager/c_api.h",
  "include/tensorflow/c/tf_status.h",
  "include/tensorflow/core/platform/ctstring_internal.h",
  "include/tsl/c/tsl_status.h",
  "lib/libomp-54bf90fd.so.5",
  "lib/libtensorflow_cc.so.2",
  "lib/libtensorflow_framework.so.2",
  "stamp.json",
];

/**
 * @param {string} wheel
 * @param {Partial<import("./tensorflow-library.mjs").PinnedWheel>} [other]
 */
async function pinned(wheel, other = {}) {
  const sha256 = await hashFile(wheel);
  return { requirement: "tensorflow-cpu==2.15.1", pipPlatform: "manylinux2014_x86_64", sha256, bytes: 2000, ...other };
}

/** @param {string} folder pip finds wheels there and nowhere else */
function pipFrom(folder) {
  return { ...process.env, MPO_TENSORFLOW_WHEEL: "", PIP_NO_INDEX: "1", PIP_FIND_LINKS: folder };
}

test("the library comes by pip, and then from the cache without pip", async (t) => {
  const folder = temporaryFolder(t);
  const wheel = makeWheel(join(folder, "wheels"));
  const context = contextIn(folder, { env: pipFrom(join(folder, "wheels")) });
  const options = { pinned: await pinned(wheel) };
  const first = await ensureTensorflowLibrary(context, options);
  assert.equal(first.fresh, true);
  assert.deepEqual(await filesBelow(join(first.libFolder, "..")), UNPACKED);
  assert.equal(
    readFileSync(join(first.libFolder, "libtensorflow_cc.so.2"), "utf8"),
    WHEEL_PARTS["tensorflow/libtensorflow_cc.so.2"],
  );
  const again = await ensureTensorflowLibrary({ ...context, env: { PATH: "" } }, options);
  assert.deepEqual(again, { ...first, fresh: false });
});

test("the user's own wheel is taken and its hash remembered", async (t) => {
  const folder = temporaryFolder(t);
  const wheel = makeWheel(folder);
  const context = contextIn(folder, { env: { ...process.env, MPO_TENSORFLOW_WHEEL: wheel } });
  const first = await ensureTensorflowLibrary(context);
  assert.deepEqual({ fresh: first.fresh, sha256: first.wheelSha256 }, { fresh: true, sha256: await hashFile(wheel) });
  context.said.length = 0;
  assert.equal((await ensureTensorflowLibrary(context)).fresh, false);
  assert.deepEqual(context.said, []);
});

// Where the releases keep what `tensorflow/c/tf_status.h` includes.
for (const { version, header } of [
  { version: "2.12.1", header: "tsl/c/tsl_status.h" },
  { version: "2.16.2", header: "tsl/c/tsl_status.h" },
  { version: "2.18.1", header: "xla/tsl/c/tsl_status.h" },
  { version: "2.21.0", header: "xla/tsl/c/tsl_status.h" },
  { version: "2.99.0+own", header: "somewhere/new/status.h" },
]) {
  test(`headers are followed to where TensorFlow ${version} keeps them`, async (t) => {
    const folder = temporaryFolder(t);
    const { "tensorflow/include/tsl/c/tsl_status.h": status = "", ...others } = WHEEL_PARTS;
    const parts = {
      ...others,
      "tensorflow/include/tensorflow/c/tf_status.h": `#include "${header}"`,
      [`tensorflow/include/${header}`]: status,
    };
    const wheel = makeWheel(folder, parts, "", version);
    const context = contextIn(folder, { env: { ...process.env, MPO_TENSORFLOW_WHEEL: wheel } });
    const { includeFolder, ownVersion } = await ensureTensorflowLibrary(context);
    assert.equal(ownVersion, version);
    assert.deepEqual(
      await filesBelow(includeFolder),
      [
        ...[header, "tensorflow/c/c_api.h", "tensorflow/c/eager/c_api.h", "tensorflow/c/tf_status.h"],
        "tensorflow/core/platform/ctstring_internal.h",
      ].sort(),
    );
  });
}

// As NVIDIA's wheels for Jetson are named, with what the format allows a wheel to look like.
test("a wheel of NVIDIA's naming is taken, wherever it keeps its package and however its libraries are called", async (t) => {
  const version = "2.16.1+nv24.8";
  for (const [base, suffix] of [
    ["", ".2"],
    ["", ".2.16.1"],
    [`tensorflow-${version}.data/purelib/`, ".2"],
    [`tensorflow-${version}.data/platlib/`, ""],
  ]) {
    const folder = temporaryFolder(t);
    const parts = Object.fromEntries(
      Object.entries(WHEEL_PARTS)
        .filter(([name]) => !name.startsWith("tensorflow_cpu_aws"))
        .map(([name, text]) => [base + name.replace(/(lib\w+\.so)\.2$/u, `$1${suffix}`), text]),
    );
    const wheel = makeWheel(folder, { ...parts, [`${base}tensorflow.libs/libgomp-1.so.1`]: "OpenMP" }, "", version);
    const context = contextIn(folder, { env: { ...process.env, MPO_TENSORFLOW_WHEEL: wheel } });
    const { libFolder, includeFolder, ownVersion } = await ensureTensorflowLibrary(context);
    assert.equal(ownVersion, version);
    assert.deepEqual(await filesBelow(libFolder), [
      "libgomp-1.so.1",
      "libtensorflow_cc.so.2",
      "libtensorflow_framework.so.2",
    ]);
    assert.equal((await filesBelow(includeFolder)).length, 5);
  }
});

test("the releases that were tried are known", () => {
  for (const known of ["2.12.0", "2.15.1", "2.16.1+nv24.8", "2.21.0"]) assert.ok(isKnownRelease(known), known);
  for (const other of ["1.15.5", "2.1.2", "2.11.1", "2.22.0", "3.15.1", "", "nonsense"]) {
    assert.ok(!isKnownRelease(other), other);
  }
});

/** @typedef {{ folder: string, wheel: string }} Room */
const PART = "tensorflow/libtensorflow_cc.so.2";
for (const { title, setEnv, options, says, fix } of [
  {
    title: "no network",
    setEnv: () => ({ PIP_NO_INDEX: "0", PIP_FIND_LINKS: "", PIP_INDEX_URL: "http://127.0.0.1:1/simple" }),
    says: /^no network/u,
    fix: /HTTPS_PROXY/u,
  },
  { title: "wrong hash", options: { sha256: "0".repeat(64) }, says: /^wrong hash/u, fix: /PIP_INDEX_URL/u },
  {
    title: "no such version",
    options: { requirement: "tensorflow-cpu==9.9.9" },
    says: /could not download/u,
    fix: /download the wheel yourself/u,
  },
  {
    title: "no pip in the only Python",
    setEnv: (/** @type {Room} */ { folder }) => ({
      PATH: join(
        writeProgram(join(folder, "bin"), "python3", "console.error('No module named pip'); process.exit(1)"),
        "..",
      ),
    }),
    says: /^no pip found/u,
    fix: /python3-pip/u,
  },
  {
    title: "no Python at all",
    setEnv: () => ({ PATH: "/nowhere" }),
    says: /^no pip found/u,
    fix: /MPO_TENSORFLOW_WHEEL/u,
  },
  {
    title: "disk full while pip writes",
    setEnv: (/** @type {Room} */ { folder }) => ({
      PATH: [
        join(
          writeProgram(
            join(folder, "bin"),
            "python3",
            `if (process.argv.includes("--version")) console.log("pip 24.0 from somewhere (python 3.11)");
             else { console.error("ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device"); process.exit(1); }`,
          ),
          "..",
        ),
        process.env.PATH,
      ].join(delimiter),
    }),
    says: /^the disk is full/u,
    fix: /MPO_CACHE/u,
  },
  {
    title: "own wheel that is not there",
    setEnv: () => ({ MPO_TENSORFLOW_WHEEL: "/nowhere.whl" }),
    says: /is not there/u,
    fix: /unset/u,
  },
  {
    title: "own wheel that is no wheel",
    setEnv: (/** @type {Room} */ { folder }) => {
      writeFileSync(join(folder, "text.whl"), "not a zip");
      return { MPO_TENSORFLOW_WHEEL: join(folder, "text.whl") };
    },
    says: /is not a wheel/u,
    fix: /2\.12 to 2\.21/u,
  },
  {
    title: "own wheel without the library",
    setEnv: (/** @type {Room} */ { folder }) => ({
      MPO_TENSORFLOW_WHEEL: makeWheel(join(folder, "other"), { "tensorflow/a.py": "" }, "", "2.11.1"),
    }),
    says: /\(version 2\.11\.1\) holds no .*libtensorflow_cc\.so\.2/u,
    fix: /2\.12 to 2\.21/u,
  },
  {
    title: "own wheel without a header that another includes",
    setEnv: (/** @type {Room} */ { folder }) => {
      const { "tensorflow/include/tsl/c/tsl_status.h": _, ...parts } = WHEEL_PARTS;
      return { MPO_TENSORFLOW_WHEEL: makeWheel(join(folder, "other"), parts) };
    },
    says: /holds no tensorflow\/include\/tsl\/c\/tsl_status\.h/u,
    fix: /2\.12 to 2\.21/u,
  },
  {
    title: "own wheel with a part that does not match its list",
    setEnv: (/** @type {Room} */ { folder }) => ({
      MPO_TENSORFLOW_WHEEL: makeWheel(join(folder, "other"), WHEEL_PARTS, PART),
    }),
    says: /does not match the wheel's list of hashes/u,
    fix: /again/u,
  },
  {
    title: "own wheel that was cut short",
    setEnv: (/** @type {Room} */ { folder, wheel }) => {
      writeFileSync(join(folder, "short.whl"), readFileSync(wheel).subarray(0, 300));
      return { MPO_TENSORFLOW_WHEEL: join(folder, "short.whl") };
    },
    says: /is not a wheel/u,
    fix: /that is complete/u,
  },
]) {
  test(`one clear failure: ${title}`, async (t) => {
    const folder = temporaryFolder(t);
    const wheel = makeWheel(join(folder, "wheels"));
    const env = { ...pipFrom(join(folder, "wheels")), ...setEnv?.({ folder, wheel }) };
    const context = contextIn(folder, { env });
    const temporary = join(context.cache, "tmp");
    const failing = ensureTensorflowLibrary(context, { pinned: await pinned(wheel, options) });
    await assert.rejects(failing, (/** @type {import("./say.mjs").SetupFailure} */ error) => {
      assert.equal(error.name, "SetupFailure", error.stack);
      assert.match(error.message, says);
      assert.match(error.fix, fix);
      return true;
    });
    assert.deepEqual(existsSync(temporary) ? readdirSync(temporary) : [], []);
  });
}
