import assert from "node:assert/strict";
import { test } from "node:test";
import { MpoError } from "@mpo/core";
import fc from "fast-check";
import { CODEC_CASES } from "../test-support/codec-cases.ts";
import { jsonOfAnswer, requestOfJson } from "./json-form.ts";

for (const { codec, values } of CODEC_CASES) {
  const { messageName: name } = codec;

  void test(`${name}: every good value comes back from JSON as it was`, () => {
    fc.assert(
      fc.property(values, (value) => {
        const text = JSON.stringify(jsonOfAnswer(codec, value as never));
        const back = requestOfJson(codec, JSON.parse(text));
        // JSON has no -0.
        assert.equal(JSON.stringify(jsonOfAnswer(codec, back as never)), text);
      }),
      { numRuns: 20 },
    );
  });

  void test(`${name}: any other JSON is refused with the message's name, or read; nothing else happens`, () => {
    fc.assert(
      fc.property(values, fc.jsonValue(), fc.nat(), (value, noise, place) => {
        const json = jsonOfAnswer(codec, value as never);
        for (const input of [noise, spoilt(json, noise, place)]) {
          try {
            requestOfJson(codec, input);
          } catch (thrown) {
            assert.ok(thrown instanceof MpoError && thrown.code === "invalid-argument", String(thrown));
            assert.ok(thrown.message.startsWith(name), thrown.message);
          }
        }
      }),
      { numRuns: 20 },
    );
  });
}

/** One field replaced, or one more that every object has without being asked. */
function spoilt(json: unknown, noise: unknown, place: number): unknown {
  if (typeof json !== "object" || json === null || Array.isArray(json)) return noise;
  const keys = [...Object.keys(json), "__proto__", "constructor"];
  const key = keys[place % keys.length] ?? "__proto__";
  const inner = Object.hasOwn(json, key) ? (json as Readonly<Record<string, unknown>>)[key] : undefined;
  const next = place % 2 === 0 || inner === undefined ? noise : spoilt(inner, noise, Math.floor(place / 3));
  const copy = JSON.parse(JSON.stringify(json)) as object;
  Object.defineProperty(copy, key, { value: next, enumerable: true, configurable: true, writable: true });
  return copy;
}
