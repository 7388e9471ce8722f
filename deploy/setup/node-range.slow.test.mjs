import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { NODE_RANGE, nodeRangeFailure } from "./node-range.mjs";

const SETUP = fileURLToPath(new URL("./setup.mjs", import.meta.url));

for (const [version, word] of /** @type {const} */ ([
  ["v12.22.0", "old"],
  ["v18.20.4", "old"],
  ["v20.18.3", "old"],
  ["v20.19.0", ""],
  ["v21.0.0", ""],
  ["v22.21.1", ""],
  ["v23.0.0", "new"],
  ["v24.1.0-nightly", "new"],
  ["garbage", "old"],
])) {
  test(`Node ${version} is ${word === "" ? "accepted" : `too ${word}`}`, () => {
    const message = nodeRangeFailure(version);
    if (word === "") assert.equal(message, "");
    else assert.match(message, new RegExp(`Node ${version} is too ${word}.*\\n {2}Fix: install Node`, "u"));
  });
}

test("the range is the one of package.json", () => {
  const manifest = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
  assert.equal(NODE_RANGE, manifest.engines.node);
});

test("the set-up stops before anything else on a wrong Node", () => {
  const pretend = "data:text/javascript,Object.defineProperty(process,'version',{value:'v18.1.0'})";
  const { status, stderr, stdout } = spawnSync(process.execPath, ["--import", pretend, SETUP], { encoding: "utf8" });
  assert.equal(status, 1);
  assert.equal(stdout, "");
  assert.equal(stderr.match(/Fix:/gu)?.length, 1);
  assert.match(stderr, /Node v18\.1\.0 is too old/u);
});
