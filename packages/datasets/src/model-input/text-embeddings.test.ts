import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { readTextEmbeddings } from "./text-embeddings.ts";

void test("texts' embeddings are read by class, and what is wrong with them is named", async () => {
  const folder = await mkdtemp(join(tmpdir(), "mpo-texts-"));
  const path = join(folder, "texts.json");
  try {
    await assert.rejects(readTextEmbeddings(path), { code: "not-found" });
    await writeFile(path, '{"a cat": [1, 0.5], "a dog": [0, -1]}');
    assert.deepEqual(
      [...(await readTextEmbeddings(path))],
      [
        ["a cat", [1, 0.5]],
        ["a dog", [0, -1]],
      ],
    );
    for (const [text, message] of [
      ['{"a cat": [1]}', /two classes or more/u],
      ['{"a cat": [1], "a dog": [0]}', /at a dog: expected a vector with a direction/u],
      ['{"a cat": [1], "a dog": ["x"]}', /at a dog\.0: /u],
      ["[", /not valid JSON/u],
    ] as const) {
      await writeFile(path, text);
      await assert.rejects(readTextEmbeddings(path), { code: "invalid-data", message });
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
