import assert from "node:assert/strict";
import { mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { it } from "node:test";
import { makeFolder } from "./make-folder.ts";

void it("makes a folder with those around it, or says why not", { timeout: 20_000 }, async (context) => {
  const base = await mkdtemp(join(tmpdir(), "mpo-make-folder-"));
  context.after(() => rm(base, { recursive: true, force: true }));
  const deep = join(base, "a/b/c");
  await makeFolder(deep, { mode: 0o700 });
  await makeFolder(deep);
  assert.equal((await stat(deep)).mode & 0o777, 0o700);
  await writeFile(join(base, "file"), "");
  await assert.rejects(makeFolder(join(base, "file")), { code: "already-exists" });
  await assert.rejects(makeFolder(join(base, "file/in/it")), { code: "not-found" });
});

void it("ends where the system makes no folders", { skip: process.platform !== "linux", timeout: 20_000 }, async () => {
  await assert.rejects(makeFolder("/proc/nowhere"), { code: "not-found" });
});
