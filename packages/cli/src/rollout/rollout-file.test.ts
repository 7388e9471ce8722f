import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { faultLines } from "../written/written-file.ts";
import { checkRollout } from "./rollout-file.ts";

const linesOf = (text: string, name?: string): readonly string[] =>
  faultLines({ place: "r.yaml", ...checkRollout(text, name) });

describe("checkRollout", () => {
  it("takes what is sound, with sizes and shares as people write them", () => {
    const text = `# A comment.
name: less-memory
model: camera
change: &change
  rule: { memory: 100MiB, window: 10min, hours: [22:00-06:00] }
waves:
  - where: label.site = berlin
    percent: 25%
    dwell: 1h
`;
    const { value, faults } = checkRollout(text);
    assert.deepEqual(faults, []);
    assert.equal((value as { readonly name: string }).name, "less-memory");
  });

  it("takes JSON, which is YAML", () => {
    assert.deepEqual(linesOf('{"name": "a", "model": "m", "change": {"version": 3}}'), []);
  });

  it("gives it another name, also where it has none", () => {
    const { value, faults } = checkRollout("model: m\nchange: { version: 3 }\n", "again");
    assert.deepEqual(faults, []);
    assert.deepEqual(value, { model: "m", change: { version: 3 }, name: "again" });
  });

  it("names all mistakes, each with its line and column", () => {
    const text = `name: a b
model: m
chnge:
  version: 3
change:
  rule:
    memory: 100
    windw: 10min
waves:
  - percent: 130%
    approval: nobody
`;
    assert.deepEqual(linesOf(text), [
      'r.yaml:1:7: name is "a b"; expected a name: 1 to 64 characters of A-Z a-z 0-9 _ -',
      "r.yaml:3:1: chnge is not known; did you mean change?",
      'r.yaml:7:13: change.rule.memory is 100; expected a size with its unit, such as "150MiB"',
      "r.yaml:8:5: change.rule.windw is not known; did you mean window?",
      'r.yaml:10:14: waves[0].percent is "130%"; expected a share from 0% to 100%, such as "95%"',
      'r.yaml:11:15: waves[0].approval is "nobody"; expected one of automatic, manual',
    ]);
  });

  it("points at the nearest that is there, where something is missing", () => {
    assert.deepEqual(linesOf("name: a\nchange:\n  version: 3\n"), [
      "r.yaml:1:1: model is absent; expected a name: 1 to 64 characters of A-Z a-z 0-9 _ -",
    ]);
  });

  it("follows aliases to where the mistake is", () => {
    const text =
      "name: a\nmodel: m\nchange: { version: 3 }\nwaves:\n  - &w\n    percent: 200%\n    where: class = pi\n  - *w\n";
    assert.deepEqual(
      linesOf(text).map((line) => line.slice(0, "r.yaml:6:14: waves[0]".length)),
      ["r.yaml:6:14: waves[0]", "r.yaml:6:14: waves[1]"],
    );
  });

  const unreadable: readonly (readonly [what: string, text: string, line: string])[] = [
    ["nothing", "", "r.yaml:1:1: the file is empty"],
    ["only a comment", "# later\n", "r.yaml:1:1: the file is empty"],
    ["a list", "- a\n", "r.yaml:1:1: the file is a list of 1; expected an object"],
    ["a key twice", "name: a\nmodel: m\nname: b\n", "r.yaml:3:1: name is there twice"],
    ["two documents", "name: a\n---\nname: b\n", "r.yaml:3:1: the file has 2 documents; expected one"],
    ["a tab", "change:\n\tversion: 3\n", "r.yaml:2:1: is not valid YAML: Tabs are not allowed as indentation"],
    ["a tag", "name: !secret a\n", "r.yaml:1:7: is not valid YAML: Unresolved tag: !secret"],
    ["an alias of nothing", "name: *x\n", "r.yaml:1:7: *x stands for nothing: there is no &x"],
    ["aliases without end", bomb(), "r.yaml:1:1: its aliases (*name) stand for too much"],
    ["a prototype", "__proto__: { name: a }\n", "r.yaml:1:1: __proto__ is not known"],
  ];
  it("says of a pit once that it is one", () => {
    assert.match(linesOf("[".repeat(60_000)).join("\n"), /^r\.yaml:1:\d+: is nested too deeply$/u);
  });

  for (const [what, text, line] of unreadable) {
    it(`refuses ${what}`, () => {
      const lines = linesOf(text);
      assert.ok(
        lines.some((one) => one.startsWith(line)),
        lines.join("\n"),
      );
    });
  }
});

function bomb(): string {
  const levels = Array.from({ length: 9 }, (_, level) =>
    level === 0 ? "a0: &a0 [x]" : `a${level}: &a${level} [${`*a${level - 1},`.repeat(9)}]`,
  );
  return `${levels.join("\n")}\n`;
}
