import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { MpoError } from "@mpo/core";
import { type ArchivePart, readArchive, writeArchive } from "./archive.ts";

const PARTS: readonly ArchivePart[] = [
  { name: "first.json", bytes: Buffer.from("{}") },
  { name: "streams/a/000001", bytes: Buffer.alloc(200_000, "x") },
  { name: "empty", bytes: new Uint8Array() },
];

describe("an archive", () => {
  it("holds its parts in order, for its owner alone", async (t) => {
    const { path } = await room(t);
    const bytes = await writeArchive(path, of(PARTS));
    const { mode, size } = await stat(path);
    assert.deepEqual([mode & 0o777, size], [0o600, bytes]);
    const read = await all(path);
    assert.deepEqual(
      read.map(({ name, bytes: found }) => [name, Buffer.from(found)]),
      PARTS.map(({ name, bytes: put }) => [name, Buffer.from(put)]),
    );
  });

  it("is there whole or not at all", async (t) => {
    const { folder, path } = await room(t);
    async function* broken(): AsyncGenerator<ArchivePart> {
      yield* PARTS;
      await Promise.resolve();
      throw new MpoError("timed-out", "no answer");
    }
    await assert.rejects(writeArchive(path, broken()), { code: "timed-out" });
    const ends = new AbortController();
    async function* slow(): AsyncGenerator<ArchivePart> {
      yield* PARTS;
      ends.abort();
      await new Promise((wake) => setTimeout(wake, 10));
      yield* PARTS;
    }
    await assert.rejects(writeArchive(path, slow(), { signal: ends.signal }), { code: "cancelled" });
    await assert.rejects(writeArchive("/proc/no/such/a.tar", of(PARTS)), { code: "not-found" });
    await assert.rejects(writeArchive("/dev/full/a.tar", of(PARTS)), MpoError);
    assert.deepEqual(await readdir(folder), []);
    await writeFile(path, "mine");
    await assert.rejects(writeArchive(path, of(PARTS)), { code: "already-exists" });
    assert.deepEqual(await readFile(path, "utf8"), "mine");
    await writeArchive(path, of(PARTS), { replaces: true });
    assert.equal((await all(path)).length, 3);
  });

  it("that is cut short anywhere is no archive, or ends where a part ends", async (t) => {
    const { path } = await room(t);
    const bytes = await writeArchive(path, of(PARTS));
    for (let length = bytes - 1; length > 0; length -= 10_007) {
      await truncate(path, length);
      const found = await all(path).then(
        (parts) => parts.length <= PARTS.length,
        (thrown: unknown) => MpoError.from(thrown).code,
      );
      assert.ok(found === true || found === "invalid-data", String(found));
    }
  });
});

async function room(t: TestContext): Promise<{ readonly folder: string; readonly path: string }> {
  const folder = await mkdtemp(join(tmpdir(), "mpo-io-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return { folder, path: join(folder, "a.tar") };
}

async function* of(parts: readonly ArchivePart[]): AsyncGenerator<ArchivePart> {
  await Promise.resolve();
  yield* parts;
}

async function all(path: string): Promise<readonly ArchivePart[]> {
  const found: ArchivePart[] = [];
  for await (const part of readArchive(path, { maxPartBytes: 1_000_000 })) found.push(part);
  return found;
}
