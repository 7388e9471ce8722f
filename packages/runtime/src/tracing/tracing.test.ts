import assert from "node:assert/strict";
import { it } from "node:test";
import fc from "fast-check";
import { readTraceparent } from "./tracing.ts";

const digits = (length: number): fc.Arbitrary<string> =>
  fc
    .array(fc.constantFrom(..."0123456789abcdef"), { minLength: length, maxLength: length })
    .map((each) => each.join(""))
    .filter((text) => /[1-9a-f]/u.test(text));

it("a traceparent is read in its form, and in no other", () => {
  fc.assert(
    fc.property(digits(32), digits(16), fc.integer({ min: 0, max: 255 }), (traceId, spanId, flags) => {
      const text = `00-${traceId}-${spanId}-${flags.toString(16).padStart(2, "0")}`;
      assert.deepEqual(readTraceparent(text), { traceId, spanId, flags });
      for (const other of [text.slice(1), `${text}0`, text.toUpperCase().replace(/^00/u, "FF"), ` ${text}`])
        assert.equal(readTraceparent(other), undefined);
    }),
  );
  const [none, no] = ["0".repeat(32), "0".repeat(16)];
  for (const text of [undefined, "", `00-${none}-${"1".repeat(16)}-01`, `00-${"1".repeat(32)}-${no}-01`])
    assert.equal(readTraceparent(text), undefined);
});
