import assert from "node:assert/strict";
import { test } from "node:test";
import { checked, fact } from "@mpo/core";
import fc from "fast-check";
import { asLine } from "./as-line.ts";

test("whatever words an error has, a text field takes them as a line", () => {
  const field = fact.text(0, 40);
  const words = fc.oneof(fc.string({ unit: "binary" }), fc.string({ unit: "grapheme" }), fc.string({ maxLength: 80 }));
  fc.assert(
    fc.property(words, (given) => {
      const line = asLine(given, 40);
      assert.equal(checked(field, line, "message"), line);
      assert.equal(asLine(line, 40), line, "once is enough");
    }),
  );
});

test("lines become one, and half characters and marks that turn words around go", () => {
  assert.equal(asLine("site\u202enilreb \u2066x\u2069"), "site nilreb  x");
  assert.equal(asLine("the worker ended:\n\tno memory\u2028left\r\n", 512), "the worker ended: no memory left");
  assert.equal(asLine("ab😀", 3), "ab");
  assert.equal(asLine("no room left", 3), "no");
  assert.equal(asLine("\ud83d", 10), "");
});
