import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { filesBelow } from "../setup/cache.mjs";
import { temporaryFolder, writeTree } from "../setup/test-room.mjs";
import { mergeBoms } from "./contents.mjs";
import { controlText } from "./debian-package.mjs";
import { assembleEngine } from "./engine-tree.mjs";
import { treeManifests } from "./npm-tree.mjs";
import { isShipped } from "./trees.mjs";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const PACKAGES = join(ROOT, "deploy/packages");

test("a control file gets what only the build knows, and packages of one release depend on each other alone", () => {
  for (const entry of readdirSync(PACKAGES, { withFileTypes: true }).filter((one) => one.isDirectory())) {
    const source = readFileSync(join(PACKAGES, entry.name, "control"), "utf8");
    const text = controlText(source, { version: "1.2.3", architecture: "arm64", installedBytes: 2049 });
    const lines = text.split("\n");
    assert.equal(lines[0], `Package: ${entry.name}`);
    assert.deepEqual(lines.slice(1, 4), ["Version: 1.2.3", "Architecture: arm64", "Installed-Size: 3"]);
    assert.doesNotMatch(text, /@VERSION@/u);
    // Of another release none fits: what they say to each other changes with it.
    const relations = lines.filter((line) => /^(?:Depends|Breaks):/u.test(line)).join(", ");
    for (const [, relation] of relations.matchAll(/\bmpo(?:-\w+)?(?: \(([^)]*)\))?/gu)) {
      assert.match(relation ?? "", /^(?:<<|=) 1\.2\.3$/u);
    }
  }
});

test("the product's tree has neither TensorFlow nor the laboratory nor what only development needs", async () => {
  const manifests = await treeManifests(ROOT, "app");
  const all = Object.values(manifests).flatMap(({ dependencies = {} }) => Object.keys(dependencies));
  assert.ok(all.includes("commander") && all.includes("nats"));
  assert.deepEqual(
    all.filter((name) => name.startsWith("@tensorflow/") || name === "@mpo/lab"),
    [],
  );
  assert.ok(Object.values(manifests).every((manifest) => manifest.devDependencies === undefined));
  assert.ok(!Object.keys(manifests).includes("packages/lab"));
});

test("the engine's tree is tfjs-node, as the engine's package pins it", async () => {
  const { dependencies } = JSON.parse(readFileSync(join(ROOT, "packages/engine/package.json"), "utf8"));
  const { "": top, ...others } = await treeManifests(ROOT, "engine");
  assert.deepEqual(top?.dependencies, { "@tensorflow/tfjs-node": dependencies["@tensorflow/tfjs-node"] });
  assert.deepEqual(others, {});
});

test("the engine ships what its library is, beside it, and nothing that only an installation reads", async (t) => {
  const folder = temporaryFolder(t);
  const [modules, native, target] = [join(folder, "modules"), join(folder, "native"), join(folder, "target")];
  const own = "@tensorflow/tfjs-node";
  const manifest = { name: own, scripts: { install: "node install.js" }, devDependencies: { a: "1" } };
  writeTree(modules, { [`${own}/package.json`]: JSON.stringify(manifest), [`${own}/binding/a.cc`]: "" });
  const facts = { version: "2.15.1", wheel: "tensorflow_cpu-2.15.1-cp311.whl" };
  writeTree(native, {
    "stamp.json": "{}",
    "deps/stamp.json": JSON.stringify({ facts }),
    "deps/lib/libtensorflow_cc.so.2": "",
    "lib/napi-v8/tfjs_binding.node": "",
  });
  await assembleEngine({ modules, native, target });
  const shipped = join(target, "node_modules", own);
  assert.deepEqual((await filesBelow(shipped)).sort(), [
    "deps/lib/libtensorflow_cc.so.2",
    "deps/stamp.json",
    "lib/napi-v8/tfjs_binding.node",
    "package.json",
  ]);
  assert.deepEqual(JSON.parse(readFileSync(join(shipped, "package.json"), "utf8")), { name: own });
  assert.deepEqual(JSON.parse(readFileSync(join(shipped, "deps/stamp.json"), "utf8")), { facts });
});

test("licences are shipped, and what nothing reads is not", () => {
  for (const path of ["zod/index.js", "zod/LICENSE", "yaml/LICENSE.md", "core/NOTICE.md", "a/package.json"]) {
    assert.ok(isShipped(path), path);
  }
  for (const path of [
    "zod/index.d.ts",
    "a/b.js.map",
    "a/README.md",
    ".package-lock.json",
    ".bin/tsc",
    "x/.tsbuildinfo",
  ]) {
    assert.ok(!isShipped(path), path);
  }
});

test("lists of contents are one, name everything once, and are the same in every build", () => {
  /** @param {string} seed @param {string[]} names */
  const bom = (seed, names) => ({
    serialNumber: `urn:uuid:${seed}`,
    metadata: { timestamp: seed, component: { "bom-ref": "root@1", name: "folder" } },
    components: names.map((name) => ({ "bom-ref": `${name}@1`, name })),
    dependencies: [
      { ref: "root@1", dependsOn: names.map((name) => `${name}@1`) },
      ...names.map((name) => ({ ref: `${name}@1` })),
    ],
  });
  const more = [{ "bom-ref": "node@22", name: "node" }];
  const facts = { version: "1.2.3", epoch: 0, name: "mpo_1.2.3_amd64" };
  const merged = mergeBoms([bom("a", ["x", "y"]), bom("b", ["y", "z"])], more, facts);
  assert.deepEqual(
    merged.components.map(({ name }) => name),
    ["x", "y", "z", "node"],
  );
  assert.deepEqual(merged.dependencies[0]?.dependsOn, ["node@22", "x@1", "y@1", "z@1"]);
  assert.equal(merged.metadata.timestamp, "1970-01-01T00:00:00.000Z");
  assert.deepEqual(merged, mergeBoms([bom("c", ["x", "y"]), bom("d", ["y", "z"])], more, facts));
});
