import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, it } from "node:test";
import { ATTRIBUTES } from "@mpo/core";
import { schemas } from "@mpo/protocol";
import { anchorsOf, linksOf, namedFiles, ROOT, readDocuments, sourceFiles } from "./documents.ts";

/** The front door: short enough to be read in one go. */
const README_LINES = 200;
const README_COLUMNS = 120;
/** Scripts that documents may name before they are there: the fast tier comes with the gates. */
const PENDING_SCRIPTS: readonly string[] = ["test:fast"];

describe("the documents", () => {
  const documents = readDocuments();

  it("link to files and headings that are there", () => {
    const broken = documents.flatMap(({ path, text }) =>
      linksOf(text)
        .filter((target) => !/^[a-z]+:/u.test(target) && !isThere(path, text, target))
        .map((target) => `${path}: ${target}`),
    );
    assert.deepEqual(broken, []);
  });

  it("name source files that are there", () => {
    const files = sourceFiles().map((path) => `/${path}`);
    const unknown = documents.flatMap(({ path, text }) =>
      namedFiles(text)
        .filter((name) => !files.some((file) => file.endsWith(`/${name}`)))
        .map((name) => `${path}: ${name}`),
    );
    assert.deepEqual(unknown, []);
  });

  it("say what each condition of a device means, and where it is tested", () => {
    const codes = schemas.conditions.out.element.shape.code.options;
    const textOf = (name: string): string => readFileSync(join(ROOT, "deploy", "guides", name), "utf8");
    const rows =
      textOf("troubleshooting.md")
        .split("## What a device needs")[1]
        ?.match(/^\| `[a-z-]+` \|/gmu) ?? [];
    assert.deepEqual(
      rows.map((row) => row.slice(3, -3)),
      codes,
    );
    const faults = textOf("faults.md");
    assert.deepEqual(
      codes.filter((code) => !faults.includes(`\`${code}\``)),
      [],
    );
  });

  it("have each attribute that filters know", () => {
    const rows = Object.entries(ATTRIBUTES).map(
      ([name, { kind, says, example }]) => `| \`${name}\` | ${kind} | ${says} | \`${example}\` |`,
    );
    const guide = readFileSync(join(ROOT, "deploy", "guides", "fleet.md"), "utf8");
    const [, table = ""] = guide.split("| attribute | kind | what it is | example |\n| --- | --- | --- | --- |\n");
    assert.deepEqual(table.split("\n").slice(0, rows.length), rows);
  });

  it("are there for every package", () => {
    const missing = readdirSync(join(ROOT, "packages")).filter(
      (name) => !existsSync(join(ROOT, "packages", name, "README.md")),
    );
    assert.deepEqual(missing, []);
  });

  it("name npm scripts that are there", () => {
    const { scripts } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as { scripts: object };
    const unknown = documents.flatMap(({ path, text }) =>
      [...text.matchAll(/npm run (?:-s )?([a-z\d:-]+)/gu)]
        .filter(([, name = ""]) => !Object.hasOwn(scripts, name) && !PENDING_SCRIPTS.includes(name))
        .map(([call]) => `${path}: ${call}`),
    );
    assert.deepEqual(unknown, []);
  });

  it("begin with a short README", () => {
    const lines = readFileSync(join(ROOT, "README.md"), "utf8").trimEnd().split("\n");
    assert.ok(lines.length <= README_LINES, `README.md has ${lines.length} lines`);
    assert.deepEqual(
      lines.filter((line) => line.length > README_COLUMNS),
      [],
    );
  });
});

describe("the check of links", () => {
  it("finds links outside of code", () => {
    assert.deepEqual(linksOf("[a](b.md#c) `[d](e)`\n```\n[f](g)\n```\n![h](i.png)"), ["b.md#c", "i.png"]);
  });

  it("names headings as GitHub does", () => {
    assert.deepEqual([...anchorsOf("# A `b-c`, d?\n## E\n## E\n```\n# f\n```\n")], ["a-b-c-d", "e", "e-1"]);
  });
});

function isThere(path: string, text: string, target: string): boolean {
  const [file = "", anchor] = target.split("#");
  const linked = file === "" ? path : join(dirname(path), file);
  if (!existsSync(join(ROOT, linked))) return false;
  if (anchor === undefined) return true;
  return anchorsOf(file === "" ? text : readFileSync(join(ROOT, linked), "utf8")).has(anchor);
}
