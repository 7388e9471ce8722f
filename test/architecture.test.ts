import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { importsOf, longFiles, type Room, type Root, violations } from "./architecture.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

describe("the house", () => {
  const rooms = readRooms();
  const { devDependencies } = readJson(join(ROOT, "package.json")) as Root;
  const root: Root = { references: referencesIn(ROOT), devDependencies };

  it("breaks no rule of direction, borders or style", () => {
    assert.deepEqual(violations(rooms, root), []);
  });

  it("reports long files", (t) => {
    for (const { path, lines } of longFiles(rooms)) t.diagnostic(`${path} has ${lines} lines: can it be two concepts?`);
  });
});

describe("the rules", () => {
  const sound: Room = {
    name: "engine",
    manifest: {
      dependencies: { "@mpo/core": "*", "@tensorflow/tfjs-node": "4.22.0", zod: "^4" },
      devDependencies: { "fast-check": "^4" },
      exports: { ".": {} },
    },
    references: ["core"],
    files: [
      {
        path: "src/graph/good.ts",
        text: 'import { MpoError } from "@mpo/core";\n// console.log(1) as any\nimport "../other.ts";\n',
      },
      { path: "src/good.test.ts", text: 'import fc from "fast-check";\n' },
    ],
  };
  const withFile = (text: string, path = "src/bad.ts", room: Room = sound): Room => ({
    ...room,
    files: [{ path, text }],
  });

  it("let a sound room pass", () => {
    assert.deepEqual(violations([sound], rootOf(sound)), []);
  });

  const bad: readonly { readonly what: string; readonly room: Room; readonly says: RegExp }[] = [
    {
      what: "a dependency against the direction",
      room: { ...sound, manifest: { ...sound.manifest, dependencies: { "@mpo/cli": "*" } }, references: ["cli"] },
      says: /engine may not depend on cli/u,
    },
    {
      what: "a reference against the direction",
      room: { ...sound, references: ["core", "agent"] },
      says: /refer to agent/u,
    },
    { what: "a missing reference", room: { ...sound, references: [] }, says: /no reference to core/u },
    {
      what: "a second door",
      room: { ...sound, manifest: { ...sound.manifest, exports: { ".": {}, "./x": {} } } },
      says: /exports must have/u,
    },
    { what: "an unknown room", room: { ...sound, name: "attic" }, says: /no room of the house/u },
    {
      what: "an import against the direction",
      room: withFile('import { x } from "@mpo/cli";'),
      says: /not in package/u,
    },
    {
      what: "a declared import against the direction",
      room: withFile('import { x } from "@mpo/runtime";', "src/bad.ts", {
        ...sound,
        manifest: { ...sound.manifest, dependencies: { ...sound.manifest.dependencies, "@mpo/runtime": "*" } },
      }),
      says: /engine may not import runtime/u,
    },
    { what: "a deep import", room: withFile('export * from "@mpo/core/src/chain.ts";'), says: /deep import/u },
    {
      what: "a stand-in in product code",
      room: withFile('import { x } from "@mpo/core/testing";'),
      says: /for tests and the lab/u,
    },
    {
      what: "an own stand-in in product code",
      room: withFile('import { x } from "./testing/clock.ts";'),
      says: /for tests and the lab/u,
    },
    { what: "an undeclared import", room: withFile('await import("left-pad");'), says: /left-pad: is not in package/u },
    { what: "a development import in a source", room: withFile('import "fast-check";'), says: /is not in package/u },
    {
      what: "a way out of the package",
      room: withFile('import "../../core/src/chain.ts";'),
      says: /leaves its package/u,
    },
    {
      what: "a vendor in the wrong room",
      room: withFile('import { pino } from "pino";', "src/bad.ts", {
        ...sound,
        manifest: { ...sound.manifest, dependencies: { "@mpo/core": "*", pino: "^10" } },
      }),
      says: /only runtime may/u,
    },
    {
      what: "TensorFlow outside the engine",
      room: withFile('import * as tf from "@tensorflow/tfjs";', "src/bad.ts", {
        ...sound,
        name: "datasets",
        manifest: { ...sound.manifest, dependencies: { "@mpo/core": "*", "@tensorflow/tfjs": "4" } },
      }),
      says: /only engine may/u,
    },
    { what: "a default export", room: withFile("export default function f() {}"), says: /default export/u },
    { what: "any", room: withFile("const x: any = 1;"), says: /type any/u },
    { what: "a cast to any", room: withFile("f(x as any)"), says: /type any/u },
    { what: "an enum", room: withFile("enum Colour { Red }"), says: /an enum/u },
    { what: "console", room: withFile("console.log(1);"), says: /has console/u },
  ];
  for (const { what, room, says } of bad) {
    it(`catch ${what}`, () => {
      assert.match(violations([room], rootOf(room)).join("\n"), says);
    });
  }

  it("catch a package that the root does not build", () => {
    assert.match(
      violations([sound], { references: [], devDependencies: {} }).join(),
      /does not refer to packages\/engine/u,
    );
  });

  it("find all kinds of imports, and none in comments", () => {
    const text =
      'import a from "a";\nexport { b } from "b";\nawait import("c");\nimport "d";\n// from "e"\nimport type { f } from "f";';
    assert.deepEqual(importsOf(text), ["a", "b", "d", "f", "c"]);
  });

  it("find long files but not long tests", () => {
    const files = ["src/long.ts", "src/long.test.ts"].map((path) => ({ path, text: "x\n".repeat(301) }));
    assert.deepEqual(longFiles([{ ...sound, files }]), [{ path: "packages/engine/src/long.ts", lines: 301 }]);
  });
});

function rootOf({ name }: Room): Root {
  return { references: [name], devDependencies: {} };
}

function readRooms(): readonly Room[] {
  const packages = join(ROOT, "packages");
  return readdirSync(packages).map((name) => ({
    name,
    manifest: readJson(join(packages, name, "package.json")) as Room["manifest"],
    references: referencesIn(join(packages, name)),
    files: sourcesUnder(join(packages, name), "src"),
  }));
}

function sourcesUnder(folder: string, path: string): Room["files"] {
  return readdirSync(join(folder, path), { withFileTypes: true }).flatMap((entry) => {
    const child = `${path}/${entry.name}`;
    if (entry.isDirectory()) return sourcesUnder(folder, child);
    return entry.name.endsWith(".ts") ? [{ path: child, text: readFileSync(join(folder, child), "utf8") }] : [];
  });
}

/** Folder names of the packages that a tsconfig.json refers to. */
function referencesIn(folder: string): readonly string[] {
  const { references = [] } = readJson(join(folder, "tsconfig.json")) as { references?: { path: string }[] };
  return references.map(({ path }) => path.slice(path.lastIndexOf("/") + 1));
}

function readJson(path: string): unknown {
  return JSON.parse(readFileSync(path, "utf8"));
}
