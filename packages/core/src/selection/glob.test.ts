import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { matchesGlob } from "./glob.ts";

describe("a glob", () => {
  it("is what a regular expression of the same meaning is", () => {
    const characters = fc.string({ unit: fc.constantFrom("a", "b", "*", "?", "."), maxLength: 12 });
    fc.assert(
      fc.property(characters, characters, (text, glob) => {
        const pattern = [...glob].map((one) => (one === "*" ? ".*" : one === "?" ? "." : `[${one}]`)).join("");
        assert.equal(matchesGlob(text, glob), new RegExp(`^${pattern}$`, "u").test(text));
      }),
    );
  });

  it("takes no longer where stars are many", () => {
    const began = performance.now();
    assert.equal(matchesGlob("a".repeat(2_000), `${"a*".repeat(1_000)}b`), false);
    assert.ok(performance.now() - began < 500);
  });
});
