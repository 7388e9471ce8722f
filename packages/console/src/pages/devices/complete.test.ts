import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ATTRIBUTES, parseFilter } from "@mpo/core";
import { completionAt, type Vocabulary } from "./complete.ts";

const WORDS: Vocabulary = {
  labels: new Map([["site", ["berlin", "bad ems"]]]),
  groups: ["old"],
  models: ["camera"],
  classes: ["pi-4"],
};

function texts(text: string): readonly string[] {
  return completionAt(text, text.length, WORDS).suggestions.map((one) => one.text);
}

void describe("a filter's completion", () => {
  const cases: readonly (readonly [string, readonly string[]])[] = [
    ["mem", ["memory"]],
    ["label.", ["label.site"]],
    ["label.site ", ["=", "!=", "in", "matches", "and", "or"]],
    ["label.site = ", ["berlin", '"bad ems"']],
    ["label.site = ber", ["berlin"]],
    ["state = on", ["online"]],
    ["group = ", ["old"]],
    ["models has ", ["camera"]],
    ["class in ", ["("]],
    ["class in (", ["pi-4"]],
    ["class in (pi-4) ", ["and", "or"]],
    ["state = online ", ["and", "or"]],
    ["state = online and fre", ["free"]],
  ];
  for (const [text, expected] of cases) {
    it(text, () => assert.deepEqual(texts(text), expected));
  }

  it("knows every attribute, and what it offers after one can be read", () => {
    const names = completionAt("", 0, WORDS).suggestions.length;
    assert.ok(names > 0);
    for (const [name, { example }] of Object.entries(ATTRIBUTES)) {
      assert.ok(texts(name.slice(0, -1)).includes(name), name);
      parseFilter(example);
    }
  });

  it("replaces what is written of the word, not what stands before it", () => {
    const { from } = completionAt("state = on", 10, WORDS);
    assert.equal(from, "state = ".length);
  });
});
