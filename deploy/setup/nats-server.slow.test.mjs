import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { ensureNatsServer, hasNatsServer, isNewEnough, NATS_VERSION, offerNatsServer } from "./nats-server.mjs";
import { contextIn, temporaryFolder, writeProgram } from "./test-room.mjs";

/** @param {string} version */
const saying = (version) => `console.log("nats-server: v${version}")`;

/** A Go that "builds" a server of a version into GOBIN, and counts its runs. */
const goThatBuilds = (/** @type {string} */ version) => `
  const { appendFileSync, chmodSync, writeFileSync } = require("node:fs");
  appendFileSync(process.env.GO_RUNS, process.argv.slice(2).join(" ") + "\\n");
  const path = process.env.GOBIN + "/nats-server";
  writeFileSync(path, ${JSON.stringify(`#!${process.execPath}\n${saying(version)}\n`)});
  chmodSync(path, 0o755);`;

test("versions with known holes are refused, by release line", () => {
  for (const good of ["2.12.12", "2.12.15", "2.14.3", "2.15.0", "3.0.0"]) {
    assert.equal(isNewEnough(`nats-server: v${good}\n`), true, good);
  }
  for (const bad of ["2.9.10", "2.11.16", "2.12.11", "2.13.9", "2.14.2", "2.15.0-RC.1", "", "nonsense"]) {
    assert.equal(isNewEnough(`nats-server: v${bad}`), false, bad);
  }
});

test("the user's own server is used, by name before by PATH; an old one in PATH is passed over", async (t) => {
  const folder = temporaryFolder(t);
  const named = writeProgram(join(folder, "own"), "my-nats", saying("2.14.3"));
  const bin = join(folder, "bin");
  const found = writeProgram(bin, "nats-server", saying("2.12.12"));
  const both = contextIn(folder, { env: { PATH: bin, MPO_NATS_SERVER: named } });
  assert.deepEqual(await ensureNatsServer(both), { path: named, fresh: false });
  assert.deepEqual(await ensureNatsServer({ ...both, env: { PATH: bin } }), { path: found, fresh: false });
  writeProgram(bin, "nats-server", saying("2.10.1"));
  await assert.rejects(ensureNatsServer({ ...both, env: { PATH: bin } }), /no Go to build it with/u);
});

test("the pinned version is built once, into the cache", async (t) => {
  const folder = temporaryFolder(t);
  const bin = join(folder, "bin");
  writeProgram(bin, "go", goThatBuilds(NATS_VERSION));
  const context = contextIn(folder, { env: { PATH: bin, GO_RUNS: join(folder, "runs") } });
  const path = join(folder, `cache/nats-server/${NATS_VERSION}/nats-server`);
  assert.equal(await hasNatsServer(context), false);
  assert.deepEqual(await ensureNatsServer(context), { path, fresh: true });
  assert.match(context.said.join("\n"), /building nats-server/u);
  assert.equal(await hasNatsServer(context), true);
  writeProgram(bin, "go", "process.exit(1)");
  assert.deepEqual(await ensureNatsServer(context), { path, fresh: false });
});

for (const { title, go, named, says } of [
  { title: "no Go", says: /no Go to build/u },
  { title: "no network", go: "console.error('dial tcp: connection refused'); process.exit(1)", says: /^no network/u },
  { title: "old Go", go: "console.error('go.mod requires go >= 1.25.0'); process.exit(1)", says: /too old/u },
  { title: "disk full", go: "console.error('no space left on device'); process.exit(1)", says: /disk is full/u },
  { title: "a broken build", go: "console.error('exploded'); process.exit(2)", says: /exploded/u },
  { title: "another version", go: goThatBuilds("2.1.0"), says: /Go built says/u },
  { title: "an old server by name", named: saying("2.9.10"), says: /MPO_NATS_SERVER names .*2\.9\.10/u },
]) {
  test(`one clear failure: ${title}; and only a line where it is not needed`, async (t) => {
    const folder = temporaryFolder(t);
    mkdirSync(join(folder, "bin"));
    if (go !== undefined) writeProgram(join(folder, "bin"), "go", go);
    const own = named === undefined ? "" : writeProgram(folder, "own-nats", named);
    const env = { PATH: join(folder, "bin"), MPO_NATS_SERVER: own, GO_RUNS: join(folder, "runs") };
    const context = contextIn(folder, { env });
    await assert.rejects(ensureNatsServer(context), (/** @type {import("./say.mjs").SetupFailure} */ error) => {
      assert.equal(error.name, "SetupFailure", error.stack);
      assert.match(error.message, says);
      assert.match(error.fix, /MPO_NATS_SERVER|MPO_CACHE/u);
      return true;
    });
    /** @type {string[]} */
    const calm = [];
    const say = { ...context.say, calm: (/** @type {string} */ text) => void calm.push(text) };
    await offerNatsServer({ ...context, say });
    assert.match(calm.join(), /without nats-server/u);
  });
}
