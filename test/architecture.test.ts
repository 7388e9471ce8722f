import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { longFiles, type Room, type Root, violations } from "./architecture.ts";
import { exportsOf, importsOf } from "./source-text.ts";
import { circles, roomViolations, unusedNames } from "./structure.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

describe("the house", () => {
  const rooms = readRooms();
  const { devDependencies } = readJson(join(ROOT, "package.json")) as Root;
  const root: Root = { references: referencesIn(ROOT), devDependencies };

  it("breaks no rule of direction, borders or style", () => {
    assert.deepEqual(violations(rooms, root), []);
  });

  it("has a user for every name that a door exports", () => {
    const others = ["test", "deploy"].flatMap((folder) =>
      readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" })
        .filter((path) => /\.m?[tj]s$/u.test(path))
        .map((path) => ({ path: `${folder}/${path}`, text: readFileSync(join(ROOT, folder, path), "utf8") })),
    );
    assert.deepEqual(unusedNames(rooms, others), []);
  });

  it("has no circle of imports, of types neither", () => {
    assert.deepEqual(circles(rooms), []);
  });

  it("has rooms inside packages that import each other in order, through their doors", () => {
    assert.deepEqual(roomViolations(rooms), []);
  });

  it("says of every long file why it is long", () => {
    assert.deepEqual(longFiles(rooms), []);
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
    {
      what: "a page's vendor elsewhere",
      room: withFile('import { render } from "preact";', "src/bad.ts", {
        ...sound,
        manifest: { ...sound.manifest, dependencies: { "@mpo/core": "*", preact: "11.2.0" } },
      }),
      says: /only charts and console may/u,
    },
    {
      what: "Node in a page",
      room: withFile('import "node:fs";', "src/bad.tsx", { ...sound, name: "console" }),
      says: /not there in a browser/u,
    },
    {
      what: "codecs in a page",
      room: withFile('import { ADMIN_SERVICE } from "@mpo/protocol";', "src/bad.tsx", {
        ...sound,
        name: "console",
        manifest: { dependencies: { "@mpo/protocol": "*" }, exports: { ".": {} } },
        references: ["protocol"],
      }),
      says: /types alone/u,
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

  it("find all kinds of imports and their names, and none in comments", () => {
    const text = `import a, { b, type c as d } from "a";
      export { b } from "b";
      const { e, f: g } = await import("c");
      import "d";
      // from "e"
      import type { h } from "f";
      let x: import("g").i;`.replaceAll(/^ +/gmu, "");
    assert.deepEqual(importsOf(text), [
      { specifier: "a", names: ["b", "c"] },
      { specifier: "b", names: ["b"] },
      { specifier: "d", names: [] },
      { specifier: "f", names: ["h"] },
      { specifier: "c", names: ["e", "f"] },
      { specifier: "g", names: ["i"] },
    ]);
  });

  it("find all kinds of exports", () => {
    const text = `export { a, type b as c } from "x";
      export type { d };
      export async function e() {}
      export const f = 1;
      export abstract class g {}
      export interface h {}
      export * from "y";
      export * as j from "z";
      // export const i = 1;`.replaceAll(/^ +/gmu, "");
    assert.deepEqual(exportsOf(text), ["a", "c", "d", "e", "f", "g", "h", "*", "j"]);
  });

  it("find long files without a reason, but not long tests", () => {
    const long = "x\n".repeat(301);
    const files = [
      { path: "src/long.ts", text: long },
      { path: "src/long.test.ts", text: long },
      { path: "src/reason.ts", text: `import "x";\n\n// Long because: it is a table.\n${long}` },
    ];
    assert.deepEqual(longFiles([{ ...sound, files }]), [{ path: "packages/engine/src/long.ts", lines: 301 }]);
  });
});

describe("users and circles", () => {
  const room = (name: string, files: Readonly<Record<string, string>>): { name: string; files: Room["files"] } => ({
    name,
    files: Object.entries(files).map(([path, text]) => ({ path: `src/${path}`, text })),
  });

  it("a name of a door needs a user outside of its folder", () => {
    const rooms = [
      room("core", {
        "index.ts": 'export { used, unused, tested } from "./plan/index.ts";',
        "plan/index.ts": 'export { used, unused, tested, type lonely } from "./x.ts";',
        "plan/y.ts": 'import { lonely } from "./index.ts";',
        "own.test.ts": 'import { unused } from "./index.ts";',
      }),
      room("engine", {
        "a.ts": 'const { used } = await import("@mpo/core");',
        "testing/index.ts": "export const x = 1;",
      }),
      room("cli", { "index.ts": 'export * from "./a.ts";' }),
    ];
    const others = [{ path: "test/a.test.ts", text: 'import { tested } from "@mpo/core";' }];
    assert.deepEqual(unusedNames(rooms, others), [
      "packages/core/src/index.ts: nobody outside uses unused",
      "packages/core/src/plan/index.ts: nobody outside uses lonely",
      "packages/engine/src/testing/index.ts: nobody outside uses x",
      "packages/cli/src/index.ts: names not what it exports",
    ]);
  });

  it("a circle is found through types, doors and packages", () => {
    const rooms = [
      room("core", { "a.ts": 'import type { b } from "./b.ts";', "b.ts": 'import { c } from "./c/index.ts";' }),
      room("core", { "c/index.ts": 'export { a } from "../a.ts";', "d.ts": 'import "./a.ts";' }),
      room("io", { "index.ts": 'import "@mpo/engine";' }),
      room("engine", { "index.ts": 'import "./x.ts";', "x.ts": 'import "@mpo/io";' }),
    ];
    assert.deepEqual(circles(rooms), [
      ["packages/core/src/a.ts", "packages/core/src/b.ts", "packages/core/src/c/index.ts"],
      ["packages/engine/src/index.ts", "packages/engine/src/x.ts", "packages/io/src/index.ts"],
    ]);
  });

  it("rooms inside a package keep their order, and their doors", () => {
    const rooms = [
      room("core", {
        "plan/a.ts": 'import "../facts/index.ts";\nimport "../time/index.ts";\nimport "../facts/chain.ts";',
        "plan/a.test.ts": 'import "../time/clock.ts";',
        "attic/b.ts": "",
        "index.ts": 'export { a } from "./plan/index.ts";',
      }),
    ];
    assert.deepEqual(roomViolations(rooms), [
      "packages/core/src/plan/a.ts: plan may not import time",
      "packages/core/src/plan/a.ts: imports ../facts/chain.ts past the door of facts",
      "packages/core/src/attic/b.ts: attic is no room of its package; add it to INNER_ROOMS",
    ]);
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
    return /\.tsx?$/u.test(entry.name) ? [{ path: child, text: readFileSync(join(folder, child), "utf8") }] : [];
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
