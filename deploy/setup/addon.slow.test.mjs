import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { checkAddon, ensureAddon } from "./addon.mjs";
import { contextIn, temporaryFolder, writeProgram, writeTree } from "./test-room.mjs";

const API_HEADERS = new URL("../../node_modules/node-api-headers/include/", import.meta.url);
const BINDING = `
#include <node_api.h>
extern "C" int answer();
NAPI_MODULE_INIT() {
  napi_value value;
  napi_create_int32(env, answer(), &value);
  napi_set_named_property(env, exports, "answer", value);
  return exports;
}`;

/**
 * A checkout whose tfjs-node is a few lines of C++, and a library to go with it.
 * @param {string} folder
 */
function smallCheckout(folder) {
  writeTree(join(folder, "node_modules/@tensorflow/tfjs-node"), {
    "package.json": JSON.stringify({ binary: { napi_versions: [3, 8, 999] } }),
    "binding/tfjs_backend.cc": "",
    "binding/tfjs_binding.cc": BINDING,
  });
  for (const name of ["node_api.h", "node_api_types.h", "js_native_api.h", "js_native_api_types.h"]) {
    const header = readFileSync(new URL(name, API_HEADERS));
    writeTree(join(folder, "node_modules/node-api-headers/include"), { [name]: header });
  }
}

/** @param {string} folder */
function smallLibrary(folder) {
  const library = {
    libFolder: join(folder, "lib"),
    includeFolder: join(folder, "include"),
    wheelSha256: "0".repeat(64),
  };
  mkdirSync(library.libFolder);
  mkdirSync(library.includeFolder);
  writeFileSync(join(folder, "answer.cc"), 'extern "C" int answer() { return 42; }');
  for (const name of ["libtensorflow_cc.so.2", "libtensorflow_framework.so.2"]) {
    const target = join(library.libFolder, name);
    execFileSync("c++", ["-shared", "-fPIC", `-Wl,-soname,${name}`, "-o", target, join(folder, "answer.cc")]);
  }
  return library;
}

/**
 * Loads an addon in a process of its own, because a loaded file must not be overwritten.
 * @param {string} addon
 */
function answerOf(addon) {
  const source = `console.log(require(${JSON.stringify(addon)}).answer)`;
  return execFileSync(process.execPath, ["--eval", source], { encoding: "utf8" }).trim();
}

test("the addon is built once, put in place beside its library, and repaired there", async (t) => {
  const folder = temporaryFolder(t);
  const library = smallLibrary(folder);
  const one = contextIn(join(folder, "one"), { cache: join(folder, "cache") });
  smallCheckout(one.root);
  assert.equal((await ensureAddon(one, library)).fresh, true);
  const place = join(one.root, "node_modules/@tensorflow/tfjs-node");
  const addon = join(place, "lib/napi-v8/tfjs_binding.node");
  assert.equal(answerOf(addon), "42");
  assert.equal(readlinkSync(join(place, "deps/lib")), library.libFolder);
  assert.equal((await ensureAddon(one, library)).fresh, false);

  // From here on no compiler can be found: the cache must do.
  const env = { PATH: "/nowhere" };
  const built = readFileSync(addon);
  writeFileSync(addon, built.subarray(0, 100));
  rmSync(join(place, "deps/lib"));
  mkdirSync(join(place, "deps/lib"));
  assert.equal((await ensureAddon({ ...one, env }, library)).fresh, true);
  assert.deepEqual(readFileSync(addon), built);
  assert.equal(readlinkSync(join(place, "deps/lib")), library.libFolder);

  const two = contextIn(join(folder, "two"), { cache: join(folder, "cache"), env });
  smallCheckout(two.root);
  assert.equal((await ensureAddon(two, library)).fresh, true);
  assert.deepEqual(two.said, []);
  assert.deepEqual(
    readFileSync(join(two.root, "node_modules/@tensorflow/tfjs-node/lib/napi-v8/tfjs_binding.node")),
    built,
  );
});

const FAILING = "console.error('fatal error: algorithm: No such file or directory'); process.exit(1)";
const FULL = "console.error('/usr/bin/ld: final link failed: No space left on device'); process.exit(1)";
for (const { title, env, ownVersion, says, fix } of [
  {
    title: "no compiler",
    env: () => ({ PATH: "/nowhere" }),
    says: /^no C\+\+ compiler found/u,
    fix: /apt-get install g\+\+/u,
  },
  { title: "CXX names nothing", env: () => ({ CXX: "nonesuch++" }), says: /CXX names nonesuch\+\+/u, fix: /unset/u },
  {
    title: "the compiler fails",
    env: (/** @type {string} */ folder) => ({ CXX: writeProgram(folder, "cxx", FAILING) }),
    says: /could not build[\s\S]*algorithm: No such file/u,
    fix: /C\+\+17/u,
  },
  {
    title: "the compiler fails on a known release",
    env: (/** @type {string} */ folder) => ({ CXX: writeProgram(folder, "cxx", FAILING) }),
    ownVersion: "2.21.0",
    says: /could not build[\s\S]*algorithm: No such file/u,
    fix: /C\+\+17/u,
  },
  {
    title: "the compiler fails on a release that is not known",
    env: (/** @type {string} */ folder) => ({ CXX: writeProgram(folder, "cxx", FAILING) }),
    ownVersion: "2.34.0",
    says: /cannot be built for TensorFlow 2\.34\.0[\s\S]*algorithm: No such file/u,
    fix: /^name a wheel of TensorFlow 2\.12 to 2\.21/u,
  },
  {
    title: "the disk is full",
    env: (/** @type {string} */ folder) => ({ CXX: writeProgram(folder, "cxx", FULL) }),
    says: /^the disk is full/u,
    fix: /MPO_CACHE/u,
  },
]) {
  test(`one clear failure: ${title}`, async (t) => {
    const folder = temporaryFolder(t);
    const context = contextIn(folder, { env: { ...process.env, ...env(folder) } });
    smallCheckout(folder);
    const library = { libFolder: folder, includeFolder: folder, wheelSha256: "0", ownVersion };
    await assert.rejects(ensureAddon(context, library), (/** @type {import("./say.mjs").SetupFailure} */ error) => {
      assert.equal(error.name, "SetupFailure", error.stack);
      assert.match(error.message, says);
      assert.match(error.fix, fix);
      return true;
    });
  });
}

test("an addon is checked again until it passed", async (t) => {
  const folder = temporaryFolder(t);
  const library = smallLibrary(folder);
  const context = contextIn(folder);
  smallCheckout(folder);
  const place = join(folder, "node_modules/@tensorflow/tfjs-node");
  assert.deepEqual(await ensureAddon(context, library), { fresh: true, checked: false });
  await assert.rejects(checkAddon(context), { name: "SetupFailure" });
  assert.deepEqual(await ensureAddon(context, library), { fresh: false, checked: false });
  const product = "{ tidy: (f) => f(), tensor2d: () => 0, matMul: () => ({ dataSync: () => [17, 39] }) }";
  writeFileSync(join(place, "index.js"), `module.exports = ${product}`);
  await checkAddon(context);
  assert.deepEqual(await ensureAddon(context, library), { fresh: false, checked: true });
});

test("an addon that cannot be loaded is told with what Node said", async (t) => {
  const folder = temporaryFolder(t);
  writeTree(folder, { "node_modules/@tensorflow/tfjs-node/index.js": "throw new Error('no such symbol')" });
  await assert.rejects(checkAddon(contextIn(folder)), {
    name: "SetupFailure",
    message: /does not work here[\s\S]*no such symbol/u,
  });
});
