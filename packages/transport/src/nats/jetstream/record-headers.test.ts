import assert from "node:assert/strict";
import { test } from "node:test";
import { MpoError } from "@mpo/core";
import fc from "fast-check";
import { headers, type Msg } from "nats";
import { deliveredOf, headersOf, recordOfDirect } from "./record-headers.ts";

const message = (own: Partial<Msg>): Msg => ({ subject: "s", data: new Uint8Array(), ...own }) as Msg;

void test("both forms of a delivery's reply subject are read", () => {
  const expected = { sequence: 7, delivery: 3, storedAtMs: 1_700_000_000_000, pending: 9 };
  const tail = "1.7.3.1700000000000000000.9";
  assert.deepEqual(deliveredOf(message({ reply: `$JS.ACK.stream.consumer.${tail}` })), expected);
  assert.deepEqual(deliveredOf(message({ reply: `$JS.ACK.domain.account.stream.consumer.${tail}.random` })), expected);
});

void test("nothing that comes in as a delivery or an answer throws anything but an MpoError", () => {
  const part = fc.oneof(fc.constantFrom("$JS", "ACK", "1", "-1", "NaN", "1e400", ""), fc.string({ maxLength: 5 }));
  fc.assert(
    fc.property(fc.array(part, { maxLength: 14 }), (parts) => {
      const delivered = deliveredOf(message({ reply: parts.join(".") }));
      if (delivered !== undefined) for (const each of Object.values(delivered)) assert.ok(Number.isFinite(each));
    }),
    { seed: 1 },
  );
  const name = fc.constantFrom("Nats-Subject", "Nats-Sequence", "Nats-Time-Stamp", "Nats-Msg-Id", "KV-Operation");
  const value = fc.oneof(fc.constantFrom("1", "2026-01-01T00:00:00Z", "DEL", "x"), fc.stringMatching(/^[ -~]{0,8}$/u));
  fc.assert(
    fc.property(fc.array(fc.tuple(name, value)), (pairs) => {
      const made = headers();
      for (const [key, each] of pairs) made.set(key, each);
      try {
        const record = recordOfDirect(message({ headers: made }));
        assert.ok(record !== undefined && Number.isSafeInteger(record.sequence));
      } catch (thrown) {
        assert.ok(thrown instanceof MpoError && thrown.code === "invalid-data");
      }
    }),
    { seed: 1 },
  );
});

void test("a delete is written as key-value stores write it", () => {
  const write = { stream: "KV_b", subject: "$KV.b.k", value: new Uint8Array(), writeId: "w" };
  assert.equal(headersOf({ ...write, isDelete: true }).get("KV-Operation"), "DEL");
  assert.equal(headersOf(write).has("KV-Operation"), false);
});
