import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { it } from "node:test";
import { folderArtifacts } from "./artifact-store.ts";

const signal = new AbortController().signal;

void it("artifacts come in chunks from any offset, and never when they are damaged or not there", async (context) => {
  const folder = await mkdtemp(join(tmpdir(), "mpo-artifacts-"));
  context.after(() => rm(folder, { recursive: true, force: true }));
  const content = Buffer.from(Array.from({ length: 150_000 }, (_, index) => index % 251));
  const digest = createHash("sha256").update(content).digest("hex");
  await writeFile(join(folder, digest), content);
  const store = folderArtifacts(folder);
  for (const offset of [0, 1, 70_000, content.length]) {
    const parts: Uint8Array[] = [];
    for await (const chunk of store.read(digest, offset, { signal })) {
      assert.equal(chunk.offset, offset + parts.reduce((sum, { length }) => sum + length, 0));
      assert.equal(chunk.totalBytes, content.length);
      parts.push(chunk.data);
    }
    assert.deepEqual(Buffer.concat(parts), content.subarray(offset));
  }
  const damaged = "00".repeat(32);
  await writeFile(join(folder, damaged), content);
  const refused = [
    { digest: damaged, offset: 0, code: "invalid-data" },
    { digest, offset: content.length + 1, code: "invalid-argument" },
    { digest: "ff".repeat(32), offset: 0, code: "not-found" },
    { digest: "../etc/passwd", offset: 0, code: "not-found" },
  ];
  for (const { digest: name, offset, code } of refused) {
    await assert.rejects(store.read(name, offset, { signal })[Symbol.asyncIterator]().next(), { code });
  }
  const none = folderArtifacts(undefined).read(digest, 0, { signal });
  await assert.rejects(none[Symbol.asyncIterator]().next(), { code: "not-found" });
});
