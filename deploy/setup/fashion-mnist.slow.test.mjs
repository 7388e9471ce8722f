import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { test } from "node:test";
import { gunzipSync, gzipSync } from "node:zlib";
import { ensureFashionMnist } from "./fashion-mnist.mjs";
import { contextIn, temporaryFolder, writeProgram, writeTree } from "./test-room.mjs";

const FILES = { images: sha256("images' bytes"), labels: sha256("labels' bytes") };
const PACKED = { "images.gz": gzipSync("images' bytes"), "labels.gz": gzipSync("labels' bytes") };
const HAS_DPKG = spawnSync("dpkg-deb", ["--version"]).status === 0;

/** @param {string} text */
function sha256(text) {
  return createHash("sha256").update(text).digest("hex");
}

/** @param {string} folder */
function assertInPlace(folder) {
  assert.deepEqual(readdirSync(folder).sort(), ["images.gz", "labels.gz", "stamp.json"]);
  assert.equal(gunzipSync(readFileSync(join(folder, "images.gz"))).toString(), "images' bytes");
}

for (const { title, content } of [
  { title: "packed", content: PACKED },
  { title: "plain", content: { images: "images' bytes", labels: "labels' bytes" } },
]) {
  test(`the user's own ${title} files are taken, once`, async (t) => {
    const folder = temporaryFolder(t);
    writeTree(join(folder, "own"), content);
    const context = contextIn(folder, { env: { MPO_FASHION_MNIST: join(folder, "own") } });
    const first = await ensureFashionMnist(context, { files: FILES });
    assert.equal(first.fresh, true);
    assertInPlace(first.folder);
    assert.equal((await ensureFashionMnist({ ...context, env: {} }, { files: FILES })).fresh, false);
  });
}

test("an installed package is used without a download", async (t) => {
  const folder = temporaryFolder(t);
  writeTree(join(folder, "system/usr/share/datasets/fashion-mnist"), PACKED);
  const context = contextIn(folder, { env: {} });
  assertInPlace((await ensureFashionMnist(context, { files: FILES, systemRoot: join(folder, "system") })).folder);
});

/**
 * An apt-get that knows the package only after an update into lists of its own, as on a machine with stale lists.
 * @param {string} folder
 */
function staleAptGet(folder) {
  const tree = join(folder, "package");
  const control =
    "Package: dataset-fashion-mnist\nVersion: 1\nArchitecture: all\nMaintainer: nobody\nDescription: test\n";
  writeTree(join(tree, "usr/share/datasets/fashion-mnist"), PACKED);
  writeTree(tree, { "DEBIAN/control": control });
  const archive = join(folder, "data.deb");
  execFileSync("dpkg-deb", ["--build", tree, archive], { stdio: "ignore" });
  return `
    import("node:fs").then(({ copyFileSync, existsSync, writeFileSync }) => {
      const setting = process.argv.find((word) => word.startsWith("Dir::State="));
      const list = setting && setting.slice("Dir::State=".length) + "/lists/main";
      if (process.argv.includes("update")) writeFileSync(list, "");
      else if (list && existsSync(list)) copyFileSync(${JSON.stringify(archive)}, "dataset-fashion-mnist_1_all.deb");
      else { console.error("E: Unable to locate package dataset-fashion-mnist"); process.exit(100); }
    });`;
}

test("the package is downloaded with lists of its own when the system's are stale", { skip: !HAS_DPKG }, async (t) => {
  const folder = temporaryFolder(t);
  writeProgram(join(folder, "bin"), "apt-get", staleAptGet(folder));
  const env = { PATH: [join(folder, "bin"), process.env.PATH].join(delimiter) };
  const { folder: data } = await ensureFashionMnist(contextIn(folder, { env }), { files: FILES, systemRoot: folder });
  assertInPlace(data);
});

const UNREACHABLE =
  "console.error('E: Failed to fetch http://deb.debian.org/x.deb  Could not connect to 127.0.0.1:9. - connect (111: Connection refused)'); process.exit(100)";
const UNKNOWN = "console.error('E: Unable to locate package dataset-fashion-mnist'); process.exit(100)";
const FULL = "console.error('E: You don\\'t have enough free space in /x/.'); process.exit(100)";
for (const { title, own, apt, says } of [
  { title: "no apt-get", says: /this system has no apt-get/u },
  { title: "no network", apt: UNREACHABLE, says: /^no network/u },
  { title: "no such package", apt: UNKNOWN, says: /Unable to locate package/u },
  { title: "disk full", apt: FULL, says: /^the disk is full/u },
  { title: "a file missing", own: { "images.gz": PACKED["images.gz"] }, says: /holds no labels\.gz \(nor labels\)/u },
  { title: "wrong hash", own: { ...PACKED, "labels.gz": gzipSync("others") }, says: /^wrong hash: .*labels\.gz/u },
  {
    title: "a file cut short",
    own: { ...PACKED, "labels.gz": PACKED["labels.gz"].subarray(0, 20) },
    says: /not a whole gzip/u,
  },
]) {
  test(`one clear failure: ${title}`, async (t) => {
    const folder = temporaryFolder(t);
    if (own !== undefined) writeTree(join(folder, "own"), own);
    if (apt !== undefined) {
      writeProgram(join(folder, "bin"), "apt-get", apt);
      writeProgram(join(folder, "bin"), "dpkg-deb", "process.exit(1)");
    }
    const env = { PATH: join(folder, "bin"), MPO_FASHION_MNIST: own === undefined ? "" : join(folder, "own") };
    const failing = ensureFashionMnist(contextIn(folder, { env }), { files: FILES, systemRoot: folder });
    await assert.rejects(failing, (/** @type {import("./say.mjs").SetupFailure} */ error) => {
      assert.equal(error.name, "SetupFailure", error.stack);
      assert.match(error.message, says);
      assert.match(error.fix, /MPO_FASHION_MNIST|MPO_CACHE/u);
      return true;
    });
  });
}
