import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { readJsonFile, removeLeftTemporaries, writeFileAtomic, writeJsonFile } from "./atomic-file.ts";

let folder = "";
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "mpo-atomic-"));
});
after(() => rm(folder, { recursive: true, force: true }));

void test("a file is replaced whole, private, with its folder made and no temporary left", async () => {
  const path = join(folder, "deep", "state.json");
  await writeJsonFile(path, { version: 1 });
  await writeJsonFile(path, { version: 2 });
  assert.deepEqual(await readJsonFile(path), { version: 2 });
  assert.deepEqual(await readdir(join(folder, "deep")), ["state.json"]);
  assert.equal((await stat(path)).mode & 0o777, 0o600);
});

void test("many writers at once leave one whole version", async () => {
  const path = join(folder, "raced");
  const versions = Array.from({ length: 20 }, (_, index) => `${index}`.repeat(5000));
  await Promise.all(versions.map((version) => writeFileAtomic(path, version)));
  assert.ok(versions.includes(await readFile(path, "utf8")));
});

void test("a write that fails leaves the old file and no temporary", async () => {
  const path = join(folder, "taken");
  await mkdir(join(path, "x"), { recursive: true });
  await assert.rejects(writeFileAtomic(path, "new"), /cannot write .*taken/u);
  await assert.rejects(writeFileAtomic(path, "new", { signal: AbortSignal.abort() }), { code: "cancelled" });
  assert.deepEqual(await removeLeftTemporaries(folder), []);
});

void test("temporaries of killed writers are removed, nothing else", async () => {
  const place = join(folder, "left");
  await mkdir(place);
  for (const name of [".state.json.123-4.tmp", "state.json", ".hidden", "a.tmp"])
    await writeFile(join(place, name), "");
  assert.deepEqual(await removeLeftTemporaries(place), [".state.json.123-4.tmp"]);
  assert.deepEqual(await readdir(place), [".hidden", "a.tmp", "state.json"]);
  assert.deepEqual(await removeLeftTemporaries(join(folder, "nowhere")), []);
});

void test("bad JSON files are refused by name", async () => {
  const path = join(folder, "bad.json");
  await writeFile(path, '{"a": ');
  await assert.rejects(readJsonFile(path), { code: "invalid-data", message: /bad\.json is not valid JSON/u });
  await assert.rejects(readJsonFile(path, { maxBytes: 5 }), {
    code: "invalid-data",
    message: /6 bytes; expected at most 5/u,
  });
  await assert.rejects(readJsonFile(join(folder, "absent")), { code: "not-found" });
  await assert.rejects(readJsonFile(folder), { code: "precondition-failed" });
  await assert.rejects(writeJsonFile(path, undefined), { code: "invalid-argument" });
});
