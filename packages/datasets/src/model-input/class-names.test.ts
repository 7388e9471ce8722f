import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { readClassNames } from "./class-names.ts";
import { MODEL_CARD_FILE } from "./model-statement.ts";

/** As Teachable Machine writes it. */
const METADATA =
  '{"tfjsVersion": "1.3.1", "packageName": "@teachablemachine/image", "labels": ["mine", "alone"], "imageSize": 32}';
const CARD = { model: "m", inputShape: [4, 4, 1] };

void test("classes are named by the card, by Teachable Machine's metadata or by labels.txt", async () => {
  const folder = await mkdtemp(join(tmpdir(), "mpo-names-"));
  const put = async (name: string, text: string): Promise<void> => await writeFile(join(folder, name), text);
  try {
    assert.equal(await readClassNames(folder), undefined);
    await put("labels.txt", "\u{FEFF}cat\r\ndog house\r\n\r\n");
    assert.deepEqual(await readClassNames(folder), ["cat", "dog house"]);
    await put("labels.txt", "0 cat\n1 dog house\n");
    assert.deepEqual(await readClassNames(folder), ["cat", "dog house"]);
    await put("labels.txt", "cat\rdog house\r");
    assert.deepEqual(await readClassNames(folder), ["cat", "dog house"]);
    const utf16 = Buffer.from("\u{FEFF}cat\r\nköter\r\n", "utf16le");
    for (const bytes of [utf16, Buffer.from(utf16).swap16()]) {
      await writeFile(join(folder, "labels.txt"), bytes);
      assert.deepEqual(await readClassNames(folder), ["cat", "köter"]);
    }
    await put("labels.txt", "\n");
    await assert.rejects(readClassNames(folder), {
      code: "invalid-data",
      message: /labels\.txt: expected the names of/u,
    });
    await put("labels.txt", "0 cat\n1 dog house\n");
    await put("metadata.json", '{"keras_version": "3.0.0"}');
    assert.deepEqual(await readClassNames(folder), ["cat", "dog house"]);
    await put("metadata.json", '{"labels": [1, 0]}');
    assert.deepEqual(await readClassNames(folder), ["1", "0"]);
    await put("metadata.json", METADATA);
    assert.deepEqual(await readClassNames(folder), ["mine", "alone"]);
    await put(MODEL_CARD_FILE, JSON.stringify({ ...CARD, classNames: ["a", "b"] }));
    assert.deepEqual(await readClassNames(folder), ["a", "b"]);
    await put(MODEL_CARD_FILE, '{"input": {"range": "bytes"}, "classNames": ["x", "y"]}');
    assert.deepEqual(await readClassNames(folder), ["x", "y"], "by a card that says no more");
    await put("model.keras", "");
    assert.deepEqual(await readClassNames(join(folder, "model.keras")), ["x", "y"], "by the model's file");
    await put(MODEL_CARD_FILE, JSON.stringify(CARD));
    assert.deepEqual(await readClassNames(folder), ["mine", "alone"]);
    await put("metadata.json", '{"labels": "x"}');
    await assert.rejects(readClassNames(folder), { code: "invalid-data", message: /metadata\.json: at labels/u });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
