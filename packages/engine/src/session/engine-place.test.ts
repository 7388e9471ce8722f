import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { findEngine } from "./engine-place.ts";

const MODULE = "node_modules/@tensorflow/tfjs-node";

function engineFolder(files: Readonly<Record<string, string>>): { readonly folder: string } & Disposable {
  const folder = mkdtempSync(join(tmpdir(), "mpo-engine-"));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  return { folder, [Symbol.dispose]: () => rmSync(folder, { recursive: true }) };
}

test("MPO_ENGINE names the folder of an unpacked engine, with the wheel that is noted there", () => {
  using room = engineFolder({
    [`${MODULE}/package.json`]: '{"name":"@tensorflow/tfjs-node"}',
    [`${MODULE}/lib/napi-v8/tfjs_binding.node`]: "",
    [`${MODULE}/deps/lib/libtensorflow_cc.so.2`]: "",
    [`${MODULE}/deps/stamp.json`]: '{"facts":{"wheel":"tensorflow.whl","version":"2.15.1","wheelSha256":"ab"}}',
  });
  assert.deepEqual(findEngine({ MPO_ENGINE: room.folder }), {
    folder: join(room.folder, MODULE),
    library: { wheel: "tensorflow.whl", version: "2.15.1" },
  });
});

test("a folder without the addon is no engine, and the message says what to do", () => {
  using room = engineFolder({ [`${MODULE}/package.json`]: '{"name":"@tensorflow/tfjs-node"}' });
  assert.throws(() => findEngine({ MPO_ENGINE: room.folder }), { code: "invalid-argument", message: /no engine/u });
});
