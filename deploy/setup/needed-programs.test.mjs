import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { requirePrograms } from "./needed-programs.mjs";
import { contextIn, temporaryFolder, writeProgram, writeTree } from "./test-room.mjs";

const ALL = { tensorflow: true, data: true };
const LOCK = JSON.stringify({ packages: {} });

/** @param {import("node:test").TestContext} t */
function bareContext(t) {
  const folder = temporaryFolder(t);
  writeTree(folder, { "package-lock.json": LOCK });
  const env = { PATH: join(folder, "bin") };
  return { ...contextIn(folder, { env }), systemRoot: join(folder, "system") };
}

test("everything that is missing is named in one message, each with its fix", async (t) => {
  const { systemRoot, ...context } = bareContext(t);
  await assert.rejects(
    requirePrograms(context, { ...ALL, systemRoot }),
    (/** @type {import("./say.mjs").SetupFailure} */ error) => {
      assert.equal(error.name, "SetupFailure");
      const message =
        /^5 things[\s\S]*1\. no flock[\s\S]*2\. no npm[\s\S]*3\. no pip[\s\S]*4\. no C\+\+ compiler[\s\S]*5\. .*no apt-get/u;
      assert.match(error.message, message);
      assert.match(
        error.fix,
        /1\. .*util-linux[\s\S]*2\. .*npm[\s\S]*3\. .*python3-pip[\s\S]*4\. .*g\+\+[\s\S]*5\. .*MPO_FASHION_MNIST/u,
      );
      return true;
    },
  );
});

test("one that is missing is told alone", async (t) => {
  const { systemRoot, ...context } = bareContext(t);
  for (const name of ["flock", "npm", "c++", "apt-get", "dpkg-deb"]) writeProgram(join(context.root, "bin"), name, "");
  await assert.rejects(requirePrograms(context, { ...ALL, systemRoot }), { message: /^no pip found/u });
});

test("what is in place already needs no program but flock", async (t) => {
  const { systemRoot, ...context } = bareContext(t);
  writeProgram(join(context.root, "bin"), "flock", "");
  writeTree(context.root, { "node_modules/.package-lock.json": LOCK });
  mkdirSync(join(context.cache, "tfjs-addon/key"), { recursive: true });
  mkdirSync(join(context.cache, "tensorflow/own-wheel"), { recursive: true });
  mkdirSync(join(context.cache, "fashion-mnist"));
  await requirePrograms(
    { ...context, env: { ...context.env, MPO_TENSORFLOW_WHEEL: "/w.whl" } },
    { ...ALL, systemRoot },
  );
  await requirePrograms(context, { tensorflow: false, data: false, systemRoot });
});
