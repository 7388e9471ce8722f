import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { cacheRoot, ensureArtefact } from "./cache.mjs";
import { contextIn, temporaryFolder } from "./test-room.mjs";

for (const { env, expected } of [
  { env: {}, expected: join(homedir(), ".cache/mpoptimizer") },
  { env: { XDG_CACHE_HOME: "/x" }, expected: "/x/mpoptimizer" },
  { env: { XDG_CACHE_HOME: "relative" }, expected: join(homedir(), ".cache/mpoptimizer") },
  { env: { XDG_CACHE_HOME: "/x", MPO_CACHE: "/y" }, expected: "/y" },
  { env: { MPO_CACHE: "" }, expected: join(homedir(), ".cache/mpoptimizer") },
]) {
  test(`the cache folder for ${JSON.stringify(env)}`, () => assert.equal(cacheRoot(env), expected));
}

/** @returns {import("./cache.mjs").Artefact & { built: number }} */
function smallArtefact() {
  const artefact = {
    name: "thing/v1",
    label: "the thing",
    roomBytes: 1_000,
    built: 0,
    build: async (/** @type {string} */ staging) => {
      artefact.built += 1;
      writeFileSync(join(staging, "a"), "content of a");
      mkdirSync(join(staging, "deep"));
      writeFileSync(join(staging, "deep/b"), "content of b");
      return { origin: "test" };
    },
  };
  return artefact;
}

test("an artefact is built once and found again", async (t) => {
  const context = contextIn(temporaryFolder(t));
  const artefact = smallArtefact();
  const folder = join(context.cache, "thing/v1");
  assert.deepEqual(await ensureArtefact(context, artefact), { folder, facts: { origin: "test" }, fresh: true });
  assert.deepEqual(await ensureArtefact(context, artefact), { folder, facts: { origin: "test" }, fresh: false });
  assert.equal(artefact.built, 1);
  assert.deepEqual(readdirSync(join(context.cache, "tmp")), []);
});

test("of artefacts whose names differ in their key alone, the last used stay", async (t) => {
  const context = contextIn(temporaryFolder(t));
  const make = (/** @type {string} */ name) => ensureArtefact(context, { ...smallArtefact(), name, kept: 2 });
  const left = () => readdirSync(join(context.cache, "thing")).sort();
  for (const name of ["thing/npm-app-1", "thing/npm-app-2", "thing/npm-engine-1"]) await make(name);
  const long = new Date(0);
  for (const name of left()) utimesSync(join(context.cache, "thing", name), long, long);
  await make("thing/npm-app-1");
  await make("thing/npm-app-3");
  assert.deepEqual(left(), ["npm-app-1", "npm-app-3", "npm-engine-1"]);
});

/** @param {string} file the same content except for one byte, with the same size and time */
function flipByte(file) {
  const { atime, mtime } = statSync(file);
  writeFileSync(file, readFileSync(file, "utf8").replace("content", "kontent"));
  utimesSync(file, atime, mtime);
}

for (const { title, damage, verify = false, says } of [
  {
    title: "a file is gone",
    damage: (/** @type {string} */ f) => rmSync(join(f, "deep/b")),
    says: /deep\/b is missing/u,
  },
  {
    title: "a file is cut short",
    damage: (/** @type {string} */ f) => writeFileSync(join(f, "a"), "co"),
    says: /wrong size/u,
  },
  {
    title: "a file has other content of the same size",
    damage: (/** @type {string} */ f) => writeFileSync(join(f, "a"), "CONTENT of a"),
    says: /wrong hash/u,
  },
  { title: "the stamp is gone", damage: (/** @type {string} */ f) => rmSync(join(f, "stamp.json")), says: /stamp/u },
  {
    title: "the stamp is half",
    damage: (/** @type {string} */ f) => writeFileSync(join(f, "stamp.json"), '{"fac'),
    says: /stamp/u,
  },
  ...["null", '{"facts":null,"files":null}', '{"facts":{},"files":{}}', '{"facts":{},"files":{"a":null}}'].map(
    (text) => ({
      title: `the stamp says ${text}`,
      damage: (/** @type {string} */ f) => writeFileSync(join(f, "stamp.json"), text),
      says: /stamp is unreadable/u,
    }),
  ),
  {
    title: "a byte flipped unseen, with --verify",
    damage: (/** @type {string} */ f) => flipByte(join(f, "a")),
    verify: true,
    says: /wrong hash/u,
  },
]) {
  test(`a damaged artefact is made anew: ${title}`, async (t) => {
    const context = contextIn(temporaryFolder(t), { verify });
    const artefact = smallArtefact();
    const { folder } = await ensureArtefact(context, artefact);
    damage(folder);
    assert.equal((await ensureArtefact(context, artefact)).fresh, true);
    assert.match(context.said.join("\n"), says);
    assert.equal(readFileSync(join(folder, "a"), "utf8"), "content of a");
    assert.equal(readFileSync(join(folder, "deep/b"), "utf8"), "content of b");
    assert.deepEqual(readdirSync(join(context.cache, "tmp")), []);
    assert.equal((await ensureArtefact(context, artefact)).fresh, false);
  });
}

test("a file with a new time and the same content is accepted, and remembered", async (t) => {
  const context = contextIn(temporaryFolder(t));
  const artefact = smallArtefact();
  const { folder } = await ensureArtefact(context, artefact);
  utimesSync(join(folder, "a"), 1, 1);
  assert.equal((await ensureArtefact(context, artefact)).fresh, false);
  assert.equal(JSON.parse(readFileSync(join(folder, "stamp.json"), "utf8")).files.a.mtimeMs, 1000);
});

test("a build that fails leaves nothing behind, nor does one that was killed", async (t) => {
  const context = contextIn(temporaryFolder(t));
  const artefact = smallArtefact();
  const build = async (/** @type {string} */ staging) => {
    await artefact.build(staging);
    throw new Error("half-way");
  };
  await assert.rejects(ensureArtefact(context, { ...artefact, build }), /half-way/u);
  assert.equal(existsSync(join(context.cache, "thing/v1")), false);
  assert.deepEqual(readdirSync(join(context.cache, "tmp")), []);
  mkdirSync(join(context.cache, "tmp/thing-v1@killed"));
  await ensureArtefact(context, artefact);
  assert.deepEqual(readdirSync(join(context.cache, "tmp")), []);
});

test("a disk without room is named before the work begins", async (t) => {
  const context = contextIn(temporaryFolder(t));
  const artefact = { ...smallArtefact(), roomBytes: 1e18 };
  await assert.rejects(ensureArtefact(context, artefact), {
    name: "SetupFailure",
    message: /disk is full at .*MB free/u,
  });
  assert.equal(artefact.built, 0);
});

test("two processes at once build an artefact once", async (t) => {
  const folder = temporaryFolder(t);
  const log = join(folder, "log");
  const source = `
    import { appendFileSync, writeFileSync } from "node:fs";
    import { setTimeout as sleep } from "node:timers/promises";
    import { ensureArtefact } from ${JSON.stringify(new URL("./cache.mjs", import.meta.url).href)};
    import { contextIn } from ${JSON.stringify(new URL("./test-room.mjs", import.meta.url).href)};
    await ensureArtefact(contextIn(${JSON.stringify(folder)}), { name: "slow", label: "slow", roomBytes: 1, build: async (staging) => {
      appendFileSync(${JSON.stringify(log)}, "built\\n");
      writeFileSync(staging + "/half", "");
      await sleep(100);
      writeFileSync(staging + "/whole", "");
      return {};
    } });`;
  const children = [1, 2, 3].map(() => spawn(process.execPath, ["--input-type=module", "--eval", source]));
  const codes = await Promise.all(children.map((child) => once(child, "close")));
  assert.deepEqual(
    codes.map(([code]) => code),
    [0, 0, 0],
  );
  assert.equal(readFileSync(log, "utf8"), "built\n");
  assert.deepEqual(readdirSync(join(folder, "cache/slow")).sort(), ["half", "stamp.json", "whole"]);
});
