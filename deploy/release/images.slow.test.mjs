import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { utimesSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { hashFile } from "../setup/cache.mjs";
import { contextIn, temporaryFolder, unlikeTimes, writeTree } from "../setup/test-room.mjs";
import { packLayout } from "./images.mjs";

test("an image's archive is the same wherever and whenever it is made", async (t) => {
  const hashes = [];
  for (const seconds of unlikeTimes(t)) {
    const folder = temporaryFolder(t);
    const [layout, file] = [join(folder, "layout"), join(folder, "image.oci.tar")];
    writeTree(layout, { "blobs/sha256/1": "layer", "blobs/sha256/0": "{}", "index.json": "{}", "oci-layout": "{}" });
    for (const path of ["blobs/sha256/1", "index.json", "blobs"]) utimesSync(join(layout, path), seconds, seconds);
    await packLayout(contextIn(folder), 1_790_000_000, layout, file);
    hashes.push(await hashFile(file));
    const names = execFileSync("tar", ["--list", `--file=${file}`], { encoding: "utf8" }).split("\n");
    assert.ok(names.includes("index.json") && names.includes("blobs/sha256/1"));
  }
  assert.equal(hashes[0], hashes[1]);
});
