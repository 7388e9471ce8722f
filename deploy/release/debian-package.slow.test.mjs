import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { hashFile } from "../setup/cache.mjs";
import { findProgram } from "../setup/child.mjs";
import { contextIn, temporaryFolder, unlikeTimes, writeTree } from "../setup/test-room.mjs";
import { buildDebianPackage } from "./debian-package.mjs";

const root = fileURLToPath(new URL("../..", import.meta.url));
const facts = { version: "1.2.3", commit: "c", date: "2026-11-30", epoch: 1_790_000_000 };

test("two builds of a package are the same to the last byte, wherever and whenever they are made", async (t) => {
  if ((await findProgram("dpkg-deb", process.env)) === undefined) return t.skip("there is no dpkg-deb");
  const hashes = [];
  for (const seconds of unlikeTimes(t)) {
    const folder = temporaryFolder(t);
    const [tree, out] = [join(folder, "tree"), join(folder, "out")];
    // Enough for the compressor to share it among threads.
    writeTree(tree, { "etc/mpo/agent.toml": "# settings\n", "usr/lib/mpo/big": Buffer.alloc(40e6, "some text, ") });
    mkdirSync(out);
    utimesSync(join(tree, "usr/lib/mpo/big"), seconds, seconds);
    const context = contextIn(folder, { root });
    const file = await buildDebianPackage(context, facts, { name: "mpo-agent", architecture: "arm64", tree, out });
    hashes.push(await hashFile(file));
    const shown = execFileSync("dpkg-deb", ["--info", file], { encoding: "utf8" });
    assert.match(shown, /Version: 1\.2\.3\n Architecture: arm64/u);
    assert.match(
      execFileSync("dpkg-deb", ["--contents", file], { encoding: "utf8" }),
      /root\/root .* \.\/etc\/mpo\/agent\.toml/u,
    );
    assert.equal(
      execFileSync("dpkg-deb", ["--info", file, "conffiles"], { encoding: "utf8" }),
      "/etc/mpo/agent.toml\n",
    );
  }
  assert.equal(hashes[0], hashes[1]);
});
