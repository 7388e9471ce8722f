import assert from "node:assert/strict";
import { it } from "node:test";
import { Conditions, type Finding } from "./conditions.ts";

void it("conditions keep since when they stand, end when they are over, and leave out what passes", () => {
  const conditions = new Conditions();
  const unread: Finding = { code: "unreadable", subject: "cam", message: "cannot read it" };
  const alone: Finding = { code: "nats-unconnected", subject: "", message: "no feed" };
  const first = { code: "unreadable", sinceMs: 1_000, message: "cannot read it" };
  assert.deepEqual(conditions.update([unread, alone], 1_000), [first]);
  assert.deepEqual(
    conditions.update([unread, alone], 61_000).map(({ code, sinceMs }) => [code, sinceMs]),
    [
      ["unreadable", 1_000],
      ["nats-unconnected", 1_000],
    ],
  );
  assert.deepEqual(conditions.update([], 62_000), []);
  assert.equal(conditions.update([unread], 63_000)[0]?.sinceMs, 63_000);
});
