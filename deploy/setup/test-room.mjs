/** What the set-up's tests share: a temporary folder each, a context, and programs made on the fly. */
import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

/**
 * @param {import("node:test").TestContext} test removes the folder when it ends
 * @returns {string}
 */
export function temporaryFolder(test) {
  const folder = mkdtempSync(join(tmpdir(), "mpo-setup-"));
  test.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/**
 * @param {string} folder
 * @param {Partial<import("./cache.mjs").SetupContext>} [other]
 * @returns {import("./cache.mjs").SetupContext & { said: string[] }} with the cache below the folder; `said` collects
 *   the lines of work
 */
export function contextIn(folder, other = {}) {
  /** @type {string[]} */
  const said = [];
  const say = { work: (/** @type {string} */ text) => void said.push(text), calm: () => {}, progress: () => {} };
  return { root: folder, cache: join(folder, "cache"), env: process.env, verify: false, say, said, ...other };
}

/**
 * Writes a program in JavaScript that can be started by its name.
 * @param {string} folder
 * @param {string} name
 * @param {string} source
 * @returns {string} its path
 */
export function writeProgram(folder, name, source) {
  const path = join(folder, name);
  writeTree(folder, { [name]: `#!${process.execPath}\n${source}\n` });
  chmodSync(path, 0o755);
  return path;
}

/**
 * @param {string} folder
 * @param {Record<string, string | Uint8Array>} files by relative path
 */
export function writeTree(folder, files) {
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), content);
  }
}

const MAKE_WHEEL = `
import base64, hashlib, json, sys, zipfile
path, parts, spoil, version = sys.argv[1], json.loads(sys.argv[2]), sys.argv[3], sys.argv[4]
info = "tensorflow_cpu-%s.dist-info/" % version
parts[info + "METADATA"] = "Metadata-Version: 2.1\\nName: tensorflow-cpu\\nVersion: %s\\n" % version
parts[info + "WHEEL"] = "Wheel-Version: 1.0\\nTag: cp311-cp311-manylinux2014_x86_64\\n"
hash = lambda text: base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
record = "".join("%s,sha256=%s,%d\\n" % (name, hash(text + spoil if name == spoil else text), len(text)) for name, text in parts.items())
with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
    for name, text in parts.items():
        archive.writestr(name, text)
    archive.writestr(info + "RECORD", record + info + "RECORD,,\\n")
`;

/** The smallest content that passes for TensorFlow's wheel. */
export const WHEEL_PARTS = {
  "tensorflow/libtensorflow_cc.so.2": "the library\n".repeat(1000),
  "tensorflow/libtensorflow_framework.so.2": "the framework",
  "tensorflow/include/tensorflow/c/c_api.h": '#include <stddef.h>\n#include "tensorflow/c/tf_status.h"\n',
  "tensorflow/include/tensorflow/c/eager/c_api.h": '// #include "nothing.h"\n#include "tensorflow/c/c_api.h"\n',
  "tensorflow/include/tensorflow/c/tf_status.h": '  #  include "tsl/c/tsl_status.h"',
  "tensorflow/include/tsl/c/tsl_status.h": '#include "tensorflow/c/tf_status.h" // in a circle',
  "tensorflow/include/tensorflow/core/platform/ctstring_internal.h": "// ctstring",
  "tensorflow/include/tensorflow/core/graph.h": "// not needed",
  "tensorflow/include/tensorflow/c/experimental.h": "// not needed",
  "tensorflow_cpu_aws.libs/libomp-54bf90fd.so.5": "OpenMP",
  "tensorflow/python/keras.py": "# not needed",
};

/**
 * Makes a wheel as pip wants it.
 * @param {string} folder
 * @param {Record<string, string>} [parts]
 * @param {string} [spoil] the part whose hash is written down wrongly
 * @param {string} [version]
 * @returns {string} its path
 */
export function makeWheel(folder, parts = WHEEL_PARTS, spoil = "", version = "2.15.1") {
  mkdirSync(folder, { recursive: true });
  const path = join(folder, `tensorflow_cpu-${version}-cp311-cp311-manylinux2014_x86_64.whl`);
  execFileSync("python3", ["-c", MAKE_WHEEL, path, JSON.stringify(parts), spoil, version]);
  return path;
}

/**
 * Two times for what is to be the same wherever and whenever it is made, in seconds since 1970; under another umask each.
 * @param {import("node:test").TestContext} t
 */
export function* unlikeTimes(t) {
  const usual = process.umask();
  t.after(() => process.umask(usual));
  for (const [seconds, umask] of /** @type {const} */ ([
    [1_795_000_000, 0o022],
    [1_796_000_000, 0o077],
  ])) {
    process.umask(umask);
    yield seconds;
  }
}
