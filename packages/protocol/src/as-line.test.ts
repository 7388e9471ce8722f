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

/** What turns text around: embeddings, overrides and isolates, and what ends them. */
const BIDIRECTIONAL = [0x202a, 0x202b, 0x202c, 0x202d, 0x202e, 0x2066, 0x2067, 0x2068, 0x2069];
const CONTROLS = [...BIDIRECTIONAL, 0x00, 0x0a, 0x1b, 0x7f, 0x9b, 0x2028, 0x2029].map((code) =>
  String.fromCharCode(code),
);

test("controls that forge lines or turn text around are refused anywhere in a text, and not shown by the error", () => {
  const part = fc.string({ maxLength: 10 });
  fc.assert(
    fc.property(part, fc.constantFrom(...CONTROLS), part, (before, control, after) => {
      const given = `${before}${control}${after}`;
      assert.throws(
        () => checked(fact.text(0, 40), given, "label"),
        ({ message }: Error) => CONTROLS.every((one) => !message.includes(one)) && message.startsWith("label is "),
      );
      assert.equal(asLine(given, 40), `${before} ${after}`.trim());
    }),
  );
});

test("texts that are written from right to left are texts", () => {
  for (const words of ["مبنى 4", "בניין", "e\u0301", "👩‍🔧"]) {
    assert.equal(checked(fact.text(0, 40), words, "label"), words);
    assert.equal(asLine(words), words);
  }
});

test("lines become one, and half characters and marks that turn words around go", () => {
  assert.equal(asLine("site\u202enilreb \u2066x\u2069"), "site nilreb  x");
  assert.equal(asLine("the worker ended:\n\tno memory\u2028left\r\n", 512), "the worker ended: no memory left");
  assert.equal(asLine("ab😀", 3), "ab");
  assert.equal(asLine("no room left", 3), "no");
  assert.equal(asLine("\ud83d", 10), "");
});
