import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { generateTypes } from "./generate.ts";

async function contents(folder: string): Promise<ReadonlyMap<string, string>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const read = files.toSorted().map(async (path) => [path.slice(folder.length), await readFile(path, "utf8")] as const);
  return new Map(await Promise.all(read));
}

void test("the committed types are those of the proto files (else run src/generate.ts)", async (context) => {
  const fresh = await mkdtemp(join(tmpdir(), "mpo-gen-"));
  context.after(() => rm(fresh, { recursive: true, force: true }));
  generateTypes(fresh);
  const committed = await contents(join(import.meta.dirname, "../src/gen"));
  const generated = await contents(fresh);
  assert.deepEqual([...committed.keys()], [...generated.keys()]);
  for (const [path, text] of generated) assert.equal(committed.get(path), text, path);
});
